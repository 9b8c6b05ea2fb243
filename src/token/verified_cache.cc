#include "token/verified_cache.h"

#include <algorithm>

namespace writ::token {

VerifiedCache::VerifiedCache(std::size_t entries)
    : buckets_(std::max<std::size_t>(1, (entries + kWays - 1) / kWays)) {}

std::shared_ptr<const AccessClaims> VerifiedCache::find(std::string_view token,
                                                        std::uint64_t generation) const {
  const auto hashed = hash(token);
  const auto index = hashed % buckets_.size();
  const std::lock_guard lock(stripes_[index % kStripes]);
  for (const auto& entry : buckets_[index]) {
    if (entry.generation == generation && entry.is(hashed, token)) return entry.claims;
  }
  return nullptr;
}

void VerifiedCache::insert(std::string_view token, std::uint64_t generation,
                           std::shared_ptr<const AccessClaims> claims) {
  Entry made{hash(token), generation, std::string(token), std::move(claims)};
  const auto index = made.hash % buckets_.size();
  const std::lock_guard lock(stripes_[index % kStripes]);
  auto& bucket = buckets_[index];
  Entry* place = &bucket.front();
  for (auto& entry : bucket) {
    // A free place, an older answer for the same token, or else what expires first.
    if (!entry.claims || entry.is(made.hash, token)) {
      place = &entry;
      break;
    }
    if (entry.claims->expires_at < place->claims->expires_at) place = &entry;
  }
  std::swap(*place, made);  // what was there ends outside the lock
}

void VerifiedCache::insert_if_free(std::string_view token, std::uint64_t generation,
                                   std::shared_ptr<const AccessClaims> claims, Instant now) {
  Entry made{hash(token), generation, std::string(token), std::move(claims)};
  const auto index = made.hash % buckets_.size();
  const std::lock_guard lock(stripes_[index % kStripes]);
  for (auto& entry : buckets_[index]) {
    if (is_free(entry, now)) return std::swap(entry, made);
  }
}

bool VerifiedCache::has_free(std::string_view token, Instant now) const {
  const auto index = hash(token) % buckets_.size();
  const std::lock_guard lock(stripes_[index % kStripes]);
  return std::ranges::any_of(buckets_[index], [&](const Entry& entry) { return is_free(entry, now); });
}

bool VerifiedCache::any(const std::function<bool(const AccessClaims&)>& is) const {
  for (std::size_t index = 0; index < buckets_.size(); ++index) {
    const std::lock_guard lock(stripes_[index % kStripes]);
    for (const auto& entry : buckets_[index]) {
      if (entry.claims && is(*entry.claims)) return true;
    }
  }
  return false;
}

std::size_t VerifiedCache::size() const {
  std::size_t count = 0;
  for (std::size_t index = 0; index < buckets_.size(); ++index) {
    const std::lock_guard lock(stripes_[index % kStripes]);
    for (const auto& entry : buckets_[index]) count += entry.claims != nullptr;
  }
  return count;
}

}  // namespace writ::token
