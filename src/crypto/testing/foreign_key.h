// For tests: a key pair of any algorithm, as an identity provider has one, and what it signs. Writ itself
// signs with two algorithms only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/keys.h"

namespace writ::crypto::testing {

class ForeignKey {
 public:
  // A fresh one; RSA with 2048 bits.
  static ForeignKey generate(Algorithm algorithm);

  PublicKey public_key() const;
  // By its own algorithm, or another of RSA's; of PSS with a salt of that length instead of the hash's.
  std::string sign(std::string_view message, std::optional<Algorithm> as = std::nullopt,
                   std::optional<int> salt_bytes = std::nullopt) const;

 private:
  ForeignKey(Algorithm algorithm, std::shared_ptr<evp_pkey_st> handle)
      : algorithm_(algorithm), handle_(std::move(handle)) {}

  Algorithm algorithm_;
  std::shared_ptr<evp_pkey_st> handle_;
};

}  // namespace writ::crypto::testing
