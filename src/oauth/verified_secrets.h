// VerifiedSecrets: which client secrets were found right a short while ago, so that scrypt is not paid for
// every token request of a busy service.
//
// It holds no secret and nothing to guess one from: an entry is an HMAC, under a key of this process, over
// client, stored hash and secret. A changed secret has another hash and so is not found. Only right secrets
// are remembered, so a hit tells nothing to who does not know the secret already. Bounded; thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "crypto/hash.h"

namespace writ::oauth {

inline constexpr Duration kSecretRemembered = std::chrono::minutes(10);

class VerifiedSecrets {
 public:
  // How many are remembered, at least one; where there is no place, the one that would be forgotten first
  // goes.
  explicit VerifiedSecrets(std::size_t entries);

  // One client's secret against its stored hash.
  crypto::Digest fingerprint(std::string_view client, std::string_view hash, const Secret& secret) const;

  bool contains(const crypto::Digest& fingerprint, Instant now) const;
  void remember(const crypto::Digest& fingerprint, Instant now);

 private:
  static constexpr std::size_t kWays = 4;
  struct Entry {
    crypto::Digest fingerprint;
    Instant until;  // the epoch: a free place
  };
  using Bucket = std::array<Entry, kWays>;
  std::size_t bucket_of(const crypto::Digest& fingerprint) const noexcept;

  const Secret key_;
  mutable std::mutex mutex_;
  std::vector<Bucket> buckets_;
};

}  // namespace writ::oauth
