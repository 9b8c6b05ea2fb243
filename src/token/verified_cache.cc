#include "token/verified_cache.h"

#include <algorithm>
#include <cstring>

namespace writ::token {

VerifiedCache::VerifiedCache(std::size_t entries)
    : buckets_(std::max<std::size_t>(1, (entries + kWays - 1) / kWays)) {}

std::size_t VerifiedCache::bucket_of(const crypto::Digest& digest) const {
  std::uint64_t prefix;
  std::memcpy(&prefix, digest.data(), sizeof prefix);
  return prefix % buckets_.size();
}

std::shared_ptr<const AccessClaims> VerifiedCache::find(const crypto::Digest& digest,
                                                        std::uint64_t generation) const {
  const auto index = bucket_of(digest);
  const std::lock_guard lock(stripes_[index % kStripes]);
  for (const auto& entry : buckets_[index]) {
    if (entry.claims && entry.generation == generation && entry.digest == digest) return entry.claims;
  }
  return nullptr;
}

void VerifiedCache::insert(const crypto::Digest& digest, std::uint64_t generation,
                           std::shared_ptr<const AccessClaims> claims) {
  const auto index = bucket_of(digest);
  const std::lock_guard lock(stripes_[index % kStripes]);
  auto& bucket = buckets_[index];
  Entry* place = &bucket.front();
  for (auto& entry : bucket) {
    // A free place, an older answer for the same token, or else what expires first.
    if (!entry.claims || entry.digest == digest) {
      place = &entry;
      break;
    }
    if (entry.claims->expires_at < place->claims->expires_at) place = &entry;
  }
  *place = Entry{digest, generation, std::move(claims)};
}

void VerifiedCache::insert_if_free(const crypto::Digest& digest, std::uint64_t generation,
                                   std::shared_ptr<const AccessClaims> claims, Instant now) {
  const auto index = bucket_of(digest);
  const std::lock_guard lock(stripes_[index % kStripes]);
  for (auto& entry : buckets_[index]) {
    if (is_free(entry, now)) return void(entry = Entry{digest, generation, std::move(claims)});
  }
}

bool VerifiedCache::has_free(const crypto::Digest& digest, Instant now) const {
  const auto index = bucket_of(digest);
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
