// For tests of the modules that take a token::Verified: makes one the real way, by minting a token with a
// throwaway key and verifying it. There is no other way to make one.
#pragma once

#include "base/check.h"
#include "token/minter.h"
#include "token/verifier.h"

namespace writ::token::testing {

// Claims that verify at `now`, to change in a test.
inline AccessClaims valid_claims(Instant now) {
  return AccessClaims{.issuer = "https://writ.example",
                      .subject = "nora",
                      .client_id = "support-portal",
                      .audience = "https://invoices.acme.example",
                      .jti = "jti-1",
                      .issued_at = now,
                      .not_before = now,
                      .expires_at = now + std::chrono::minutes(5)};
}

// Sender-bound claims verify too: the proof is not what these tests are about.
inline Verified verified(const AccessClaims& claims, Instant now) {
  static const auto ring =
      KeyRing::of({jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value()}).value();
  static const Revocations revocations;
  static MemoryReplayGuard replays;
  const Verifier verifier({.issuer = claims.issuer, .cache_entries = 1}, ring->snapshot()->public_keys,
                          revocations, replays);
  auto result = verifier.verify_parameter(Minter(*ring).mint(claims).value(), now);
  WRIT_CHECK(result.has_value());
  return *std::move(result);
}

}  // namespace writ::token::testing
