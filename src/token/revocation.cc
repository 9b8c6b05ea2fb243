#include "token/revocation.h"

#include <algorithm>

#include "token/came_from.h"

namespace writ::token {
namespace {

// Longer than what was taken back at its begin is kept.
constexpr Duration kCounted = 2 * kMaxAccessLifetime;

}  // namespace

Result<void> Revocations::load() {
  if (store_ == nullptr) return {};
  auto loaded = TRY(store_->load());
  const std::unique_lock lock(mutex_);
  for (const auto& [jti, expires_at] : loaded) put(jti, expires_at);
  return {};
}

Result<void> Revocations::revoke(Revocation revocation) {
  {
    // In force before it is durable: while the store works, or when it fails, the token is refused already.
    const std::unique_lock lock(mutex_);
    put(revocation.jti, revocation.expires_at);
  }
  if (store_ != nullptr) TRY(store_->save(revocation));
  return {};
}

// With the lock held.
void Revocations::put(const std::string& jti, Instant expires_at) {
  const auto [place, fresh] = expiry_by_jti_.try_emplace(jti, expires_at);
  if (fresh) ++mark_of(jti);
  if (fresh && is_of_client(jti)) ++of_clients_;
  place->second = std::max(place->second, expires_at);
}

Reach Revocations::reach_of(std::string_view client, Instant now) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_client_.find(client);
  const bool many = found != by_client_.end() && now - found->second.since < kCounted &&
                    found->second.tokens >= max_of_client_;
  return many ? Reach::kAllOfClient : Reach::kToken;
}

Result<void> Revocations::revoke_of(std::string_view client, Revocation revocation, Reach reach,
                                    Instant now) {
  if (reach == Reach::kAllOfClient) return revoke({all_of_client(client), now + kSubjectEndKept});
  {
    const std::unique_lock lock(mutex_);
    auto& count = by_client_.try_emplace(std::string(client), Count{now}).first->second;
    if (now - count.since >= kCounted) count = {now};
    ++count.tokens;
  }
  return revoke(std::move(revocation));
}

bool Revocations::all_revoked_of(std::string_view client, Instant issued_at) const {
  return of_clients() && revoked_until(all_of_client(client), issued_at);
}

bool Revocations::revoked(std::string_view jti) const {
  if (mark_of(jti) == 0) return false;
  const std::shared_lock lock(mutex_);
  return expiry_by_jti_.contains(jti);
}

bool Revocations::any_revoked(std::span<const std::string> ids, Instant issued_at) const {
  return std::ranges::any_of(ids, [&](const auto& id) { return revoked_until(id, issued_at); });
}

bool Revocations::revoked_until(std::string_view id, Instant issued_at) const {
  if (mark_of(id) == 0) return false;
  const std::shared_lock lock(mutex_);
  const auto found = expiry_by_jti_.find(id);
  if (found == expiry_by_jti_.end()) return false;
  return !is_until(id) || issued_at <= found->second - kSubjectEndKept;
}

Result<void> Revocations::prune(Instant earliest, Duration running) {
  {
    const std::unique_lock lock(mutex_);
    std::erase_if(by_client_, [&](const auto& each) { return earliest - each.second.since >= kCounted; });
  }
  const auto end = forgetting_.until(earliest, running);
  if (!end) return {};
  std::vector<std::string> over;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [jti, expiry] : expiry_by_jti_) {
      if (expiry <= *end) over.push_back(jti);
    }
  }
  if (over.empty()) return {};
  if (store_ != nullptr) TRY(store_->forget_revocations(*end));
  // One by one: verifications do not wait for all of them.
  for (const auto& jti : over) {
    const std::unique_lock lock(mutex_);
    const auto found = expiry_by_jti_.find(jti);
    if (found == expiry_by_jti_.end() || found->second > *end) continue;
    expiry_by_jti_.erase(found);
    --mark_of(jti);
    if (is_of_client(jti)) --of_clients_;
  }
  return {};
}

std::size_t Revocations::size() const {
  const std::shared_lock lock(mutex_);
  return expiry_by_jti_.size();
}

}  // namespace writ::token
