// The verified-token cache: what a signature check costs is paid once per token.
//
// A fixed table of buckets with a few ways each. A token is found by a keyed hash and then compared byte by
// byte, so only the very text that was verified is found. Where a bucket is full, what expires first makes
// room. It says only "this text was signed by a key of that generation and means these claims": whether the
// token is valid *now* is checked on every use by Verifier. Thread-safe; locks are striped and held for a
// comparison and a copy of one shared_ptr.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/keyed_hash.h"
#include "token/claims.h"

namespace writ::token {

class VerifiedCache {
 public:
  explicit VerifiedCache(std::size_t entries);

  std::shared_ptr<const AccessClaims> find(std::string_view token, std::uint64_t generation) const;
  void insert(std::string_view token, std::uint64_t generation, std::shared_ptr<const AccessClaims> claims);
  // Only where nobody else's would have to go: a place that is free, or whose claims have expired.
  void insert_if_free(std::string_view token, std::uint64_t generation,
                      std::shared_ptr<const AccessClaims> claims, Instant now);
  bool has_free(std::string_view token, Instant now) const;
  bool any(const std::function<bool(const AccessClaims&)>& is) const;
  std::size_t size() const;

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kStripes = 64;

  struct Entry {
    std::uint64_t hash;
    std::uint64_t generation;
    std::string token;
    std::shared_ptr<const AccessClaims> claims;  // null when the place is free

    bool is(std::uint64_t its_hash, std::string_view text) const noexcept {
      return claims != nullptr && hash == its_hash && token == text;
    }
  };
  using Bucket = std::array<Entry, kWays>;
  static bool is_free(const Entry& entry, Instant now) {
    return entry.claims == nullptr || entry.claims->expires_at <= now;
  }

  // Of a token's end, which has its signature: nobody makes two tokens that end alike. The whole hash is
  // compared before the text is: without the key nobody finds out how much of a text they have right.
  std::uint64_t hash(std::string_view token) const noexcept {
    return hash_(token.substr(token.size() - std::min(token.size(), kHashedBytes)));
  }

  static constexpr std::size_t kHashedBytes = 128;
  const crypto::KeyedHash hash_;
  std::vector<Bucket> buckets_;
  mutable std::array<std::mutex, kStripes> stripes_;
};

}  // namespace writ::token
