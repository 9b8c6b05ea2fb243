#include "token/revocation.h"

#include <algorithm>

namespace writ::token {

Result<void> Revocations::load() {
  if (store_ == nullptr) return {};
  auto loaded = TRY(store_->load());
  const std::unique_lock lock(mutex_);
  for (auto& revocation : loaded)
    expiry_by_jti_.insert_or_assign(std::move(revocation.jti), revocation.expires_at);
  return {};
}

Result<void> Revocations::revoke(Revocation revocation) {
  {
    // In force before it is durable: while the store works, or when it fails, the token is refused already.
    const std::unique_lock lock(mutex_);
    auto& expiry = expiry_by_jti_[revocation.jti];
    expiry = std::max(expiry, revocation.expires_at);
  }
  if (store_ != nullptr) TRY(store_->save(revocation));
  return {};
}

bool Revocations::revoked(std::string_view jti) const {
  const std::shared_lock lock(mutex_);
  return expiry_by_jti_.contains(jti);
}

void Revocations::prune(Instant now) {
  const std::unique_lock lock(mutex_);
  std::erase_if(expiry_by_jti_, [now](const auto& entry) { return entry.second <= now; });
}

std::size_t Revocations::size() const {
  const std::shared_lock lock(mutex_);
  return expiry_by_jti_.size();
}

}  // namespace writ::token
