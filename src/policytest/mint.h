// Mint: tokens and proofs for a run, made with keys of the run, the way the token service makes them.
//
// A token carries what the claims contract of its API asks for, so a test sees what a real request would
// bring. The same claims give the same token, which is made once. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "decision/decision.h"
#include "http/headers.h"
#include "inventory/identity.h"
#include "policytest/suite.h"
#include "token/key_ring.h"
#include "token/minter.h"
#include "token/proof.h"

namespace writ::policytest {

class Mint {
 public:
  // Signs with `signing_key`; or, without one, with a new key of that algorithm.
  static Result<std::unique_ptr<Mint>> make(std::string issuer, crypto::Algorithm algorithm,
                                            Duration lifetime,
                                            std::optional<jose::PrivateJwk> signing_key = {});

  // The claims that the request's token has. `audience`: of the API that is asked.
  token::AccessClaims claims(const RequestSpec& request, std::string_view audience) const;
  // `api`: the one the token is for; null when no API has that audience. It carries what the API's tokens do
  // under these policies.
  Result<std::string> token(const token::AccessClaims& claims, const inventory::Api* api,
                            const decision::PolicySnapshot& policies);
  // Adds the fields that present the token of a request, with a proof (RFC 9449 §4.2) when it is bound and
  // the request brings one.
  Result<void> present(const RequestSpec& request, std::string_view token, const token::ProofTarget& target,
                       http::Headers& headers) const;

  const token::Minter& minter() const noexcept { return minter_; }
  const jose::JwkSet& keys() const noexcept { return keys_->public_keys; }
  const std::string& issuer() const noexcept { return issuer_; }

 private:
  Result<std::string> proof(Proof kind, const token::ProofTarget& target, std::string_view token,
                            Instant now) const;
  Mint(std::string issuer, Duration lifetime, std::unique_ptr<token::KeyRing> ring,
       jose::PrivateJwk client_key, jose::PrivateJwk other_key);

  std::string issuer_;
  Duration lifetime_;
  std::unique_ptr<token::KeyRing> ring_;
  std::shared_ptr<const token::SigningKeys> keys_;
  token::Minter minter_;
  jose::PrivateJwk client_key_, other_key_;
  std::string client_thumbprint_;
  std::unordered_map<std::string, std::string> made_;
};

}  // namespace writ::policytest
