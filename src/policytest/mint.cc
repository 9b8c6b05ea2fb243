#include "policytest/mint.h"

#include "codec/base64url.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "decision/minted_claims.h"
#include "jose/jws.h"

namespace writ::policytest {

Mint::Mint(std::string issuer, Duration lifetime, std::unique_ptr<token::KeyRing> ring,
           jose::PrivateJwk client_key, jose::PrivateJwk other_key)
    : issuer_(std::move(issuer)),
      lifetime_(lifetime),
      ring_(std::move(ring)),
      keys_(ring_->snapshot()),
      minter_(*ring_),
      client_key_(std::move(client_key)),
      other_key_(std::move(other_key)),
      client_thumbprint_(client_key_.public_jwk().thumbprint()) {}

Result<std::unique_ptr<Mint>> Mint::make(std::string issuer, crypto::Algorithm algorithm, Duration lifetime,
                                         std::optional<jose::PrivateJwk> signing_key) {
  if (!signing_key) signing_key = TRY(jose::PrivateJwk::generate(algorithm));
  std::vector<jose::PrivateJwk> keys;
  keys.push_back(*std::move(signing_key));
  auto ring = TRY(token::KeyRing::of(std::move(keys)));
  auto client_key = TRY(jose::PrivateJwk::generate(crypto::Algorithm::kEs256));
  auto other_key = TRY(jose::PrivateJwk::generate(crypto::Algorithm::kEs256));
  return std::unique_ptr<Mint>(
      new Mint(std::move(issuer), lifetime, std::move(ring), std::move(client_key), std::move(other_key)));
}

token::AccessClaims Mint::claims(const RequestSpec& request, std::string_view audience) const {
  auto claims = request.token.claims(
      {.issuer = issuer_, .audience = audience, .time = request.time, .lifetime = lifetime_});
  if (request.token.bound) claims.key_thumbprint = client_thumbprint_;
  // One and the same token for one and the same claims.
  claims.jti = "test-" + crypto::hex(crypto::sha256(claims_to_json(claims).dump())).substr(0, 32);
  return claims;
}

Result<std::string> Mint::token(const token::AccessClaims& claims, const inventory::Api* api,
                                const decision::PolicySnapshot& policies) {
  // A test may state what no task would agree with, so its task never stands in for a claim.
  const auto contract = api != nullptr ? TRY(decision::minted_claims(*api, policies, claims, nullptr))
                                       : token::ClaimsContract();
  auto& token = made_[claims_to_json(claims, contract).dump()];
  if (token.empty()) token = TRY(minter_.mint(claims, contract));
  return token;
}

Result<void> Mint::present(const RequestSpec& request, std::string_view token,
                           const token::ProofTarget& target, http::Headers& headers) const {
  const bool proven = request.token.bound && request.proof != Proof::kNone;
  headers.add("Authorization", (proven ? "DPoP " : "Bearer ") + std::string(token));
  if (proven) headers.add("DPoP", TRY(proof(request.proof, target, token, request.time)));
  return {};
}

Result<std::string> Mint::proof(Proof kind, const token::ProofTarget& target, std::string_view token,
                                Instant now) const {
  const auto& key = kind == Proof::kOtherKey ? other_key_ : client_key_;
  const std::string other_uri = std::string(target.uri) + "/other";
  const auto header = codec::Json::object({{"typ", "dpop+jwt"},
                                           {"alg", crypto::algorithm_name(key.algorithm())},
                                           {"jwk", jose::Jwk(key.key().public_key()).to_json()}});
  const auto claims =
      codec::Json::object({{"jti", crypto::random_id()},
                           {"htm", target.method},
                           {"htu", kind == Proof::kOtherRequest ? std::string_view(other_uri) : target.uri},
                           {"iat", unix_seconds(now)},
                           {"ath", codec::base64url_encode(crypto::as_bytes(crypto::sha256(token)))}});
  auto text = codec::base64url_encode(header.dump()) + "." + codec::base64url_encode(claims.dump());
  const auto signature = TRY(key.key().sign(text));
  return text + "." + codec::base64url_encode(signature);
}

}  // namespace writ::policytest
