// The issuer's own signing keys: one signs, all verify. Rotation adds a key and makes it current; the old
// ones stay published until the last token they signed has expired.
//
// Thread-safe; a snapshot is immutable.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jose/jwk.h"

namespace writ::token {

struct SigningKeys {
  std::vector<jose::PrivateJwk> keys;  // the first one signs; never empty
  jose::JwkSet public_keys;
};

class KeyRing {
 public:
  // The first key signs.
  static Result<std::unique_ptr<KeyRing>> of(std::vector<jose::PrivateJwk> keys);

  std::shared_ptr<const SigningKeys> snapshot() const;
  // Makes this key the one that signs. The caller then gives the public keys to the Verifier.
  Result<void> rotate(jose::PrivateJwk key);
  // Removes a key that no longer signs.
  Result<void> retire(std::string_view kid);

 private:
  explicit KeyRing(std::shared_ptr<const SigningKeys> keys) : keys_(std::move(keys)) {}

  mutable std::mutex mutex_;
  std::shared_ptr<const SigningKeys> keys_;
};

}  // namespace writ::token
