// The issuer's own signing keys as they are used: one signs, all verify. Which they are, and for how long, is
// token/own_keys.h's to say; whoever signs or publishes asks here each time, and so follows a rotation.
//
// Thread-safe; a snapshot is immutable.
#pragma once

#include <memory>
#include <vector>

#include "base/published.h"
#include "base/result.h"
#include "jose/jwk.h"

namespace writ::token {

struct SigningKeys {
  jose::PrivateJwk signing;
  jose::JwkSet public_keys;  // its own among them
};

class KeyRing {
 public:
  explicit KeyRing(SigningKeys keys) : keys_(std::make_shared<const SigningKeys>(std::move(keys))) {}
  // The first key signs; fails without one.
  static Result<std::unique_ptr<KeyRing>> of(std::vector<jose::PrivateJwk> keys);

  std::shared_ptr<const SigningKeys> snapshot() const { return keys_.get(); }
  // The same for threads that ask all the time, as Published::read().
  const std::shared_ptr<const SigningKeys>& read() const { return keys_.read(); }

  // The caller gives the public keys to the Verifier first.
  void replace(SigningKeys keys) { keys_.replace(std::make_shared<const SigningKeys>(std::move(keys))); }

 private:
  Published<SigningKeys> keys_;
};

}  // namespace writ::token
