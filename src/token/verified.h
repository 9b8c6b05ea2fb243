// Verified: an access token whose signature, type, issuer, times, binding and revocation were checked for
// this use.
//
// The third type in the way of a request (ARCHITECTURE.md); only Verifier makes it. It does not say that the
// token is for this API: the audience is in the claims and decision's guard compares it. Immutable; copies
// share the claims.
#pragma once

#include <memory>

#include "token/claims.h"

namespace writ::token {

class Verified {
 public:
  const AccessClaims& claims() const noexcept { return *claims_; }
  const AccessClaims* operator->() const noexcept { return claims_.get(); }
  // Did the presenter prove possession of the key or certificate that the token is bound to?
  bool sender_bound() const noexcept { return claims_->sender_bound(); }

 private:
  friend class Verifier;
  explicit Verified(std::shared_ptr<const AccessClaims> claims) : claims_(std::move(claims)) {}

  std::shared_ptr<const AccessClaims> claims_;
};

}  // namespace writ::token
