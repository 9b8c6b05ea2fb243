// Makes access tokens (RFC 9068): JWTs of typ at+jwt, signed with the ring's current key.
//
// The minter writes what it is told and decides nothing: whether a token may be issued is oauth's question to
// decision. Thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "token/claims.h"
#include "token/key_ring.h"

namespace writ::token {

class Minter {
 public:
  // The ring must outlive it.
  explicit Minter(const KeyRing& ring) : ring_(ring) {}

  // The signed token, with only the claims the contract asks for. Refuses claims that Verifier would refuse.
  Result<std::string> mint(const AccessClaims& claims, const ClaimsContract& contract = {}) const;

 private:
  const KeyRing& ring_;
};

}  // namespace writ::token
