// For tests of what takes tokens apart: a verifier with its keys, a minter, and DPoP proofs, at one instant.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "codec/base64url.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "jose/jws.h"
#include "token/minter.h"
#include "token/testing/verified.h"
#include "token/verifier.h"

namespace writ::token::testing {

inline const Instant kNow = instant_from_unix_seconds(1'750'000'000);

// A proof with any header and claims, signed by this key.
inline std::string sign_proof(const jose::PrivateJwk& key, const codec::Json& header,
                              const codec::Json& claims) {
  auto text = codec::base64url_encode(header.dump()) + "." + codec::base64url_encode(claims.dump());
  return text + "." + codec::base64url_encode(key.key().sign(text).value());
}

inline codec::Json proof_header(const jose::PrivateJwk& key) {
  return codec::Json::object({{"typ", "dpop+jwt"},
                              {"alg", crypto::algorithm_name(key.algorithm())},
                              {"jwk", jose::Jwk(key.key().public_key()).to_json()}});
}

inline codec::Json proof_claims(const ProofTarget& target, std::string_view token, Instant now,
                                std::string_view jti) {
  return codec::Json::object({{"jti", jti},
                              {"htm", target.method},
                              {"htu", target.uri},
                              {"iat", unix_seconds(now)},
                              {"ath", codec::base64url_encode(crypto::as_bytes(crypto::sha256(token)))}});
}

struct World {
  std::unique_ptr<KeyRing> ring =
      KeyRing::of({jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value()}).value();
  Minter minter{*ring};
  Revocations revocations;
  MemoryReplayGuard replays;
  Verifier verifier{{.issuer = "https://writ.example", .cache_entries = 64},
                    ring->snapshot()->public_keys,
                    revocations,
                    replays};

  std::string mint(const AccessClaims& claims) const { return minter.mint(claims).value(); }

  std::expected<Verified, Denial> bearer(std::string_view token, Times now = kNow) const {
    const std::string value = "Bearer " + std::string(token);
    const std::string_view values[] = {value};
    auto presented = Presented::from_values(values);
    if (!presented) return std::unexpected(presented.error());
    return verifier.verify(*presented, std::nullopt, now);
  }

  std::expected<Verified, Denial> with_proof(std::string_view token, std::string_view proof,
                                             const std::optional<ProofTarget>& target,
                                             Times now = kNow) const {
    const std::string value = "DPoP " + std::string(token);
    const std::string_view values[] = {value}, proofs[] = {proof};
    auto presented = Presented::from_values(values, proofs);
    if (!presented) return std::unexpected(presented.error());
    return verifier.verify(*presented, target, now);
  }
};

// "valid", or the reason's code.
inline std::string outcome(const std::expected<Verified, Denial>& result) {
  return result ? "valid" : std::string(reason_code(result.error().reason));
}

}  // namespace writ::token::testing
