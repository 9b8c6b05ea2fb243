// The verified-token cache: what a signature check costs is paid once per token.
//
// A fixed table of buckets with a few ways each, found by the token's SHA-256; where a bucket is full, what
// expires first makes room. It says only "this text was signed by a key of that generation and means these
// claims": whether the token is valid *now* is checked on every use by Verifier. Thread-safe; locks are
// striped and held for a copy of one shared_ptr.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "crypto/hash.h"
#include "token/claims.h"

namespace writ::token {

class VerifiedCache {
 public:
  explicit VerifiedCache(std::size_t entries);

  std::shared_ptr<const AccessClaims> find(const crypto::Digest& digest, std::uint64_t generation) const;
  void insert(const crypto::Digest& digest, std::uint64_t generation,
              std::shared_ptr<const AccessClaims> claims);
  // Only where nobody else's would have to go: a place that is free, or whose claims have expired.
  void insert_if_free(const crypto::Digest& digest, std::uint64_t generation,
                      std::shared_ptr<const AccessClaims> claims, Instant now);
  bool has_free(const crypto::Digest& digest, Instant now) const;
  bool any(const std::function<bool(const AccessClaims&)>& is) const;
  std::size_t size() const;

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kStripes = 64;

  struct Entry {
    crypto::Digest digest;
    std::uint64_t generation;
    std::shared_ptr<const AccessClaims> claims;  // null when the place is free
  };
  using Bucket = std::array<Entry, kWays>;
  static bool is_free(const Entry& entry, Instant now) {
    return entry.claims == nullptr || entry.claims->expires_at <= now;
  }

  std::size_t bucket_of(const crypto::Digest& digest) const;

  std::vector<Bucket> buckets_;
  mutable std::array<std::mutex, kStripes> stripes_;
};

}  // namespace writ::token
