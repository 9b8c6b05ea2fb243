// Tokens and assertions as providers and clients with keys of other kinds make them: RSA, P-384, several
// audiences, a clock that goes ahead.
#include <gtest/gtest.h>

#include "jose/provider_keys.h"
#include "jose/testing/foreign_jws.h"
#include "oauth/testing/world.h"
#include "oauth/trusted_issuers.h"

namespace writ::oauth::provider_algorithms_test {
namespace {

using codec::Json;
using crypto::Algorithm;
using crypto::testing::ForeignKey;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

const ForeignKey& rsa_pair() {
  static const auto key = ForeignKey::generate(Algorithm::kRs256);
  return key;
}

// Keycloak's, as it comes: RS256, `aud` a list with `account` in it, `azp`.
Json keycloak_claims() {
  auto claims = Json::object({{"iss", "https://idp.acme.example/realms/acme"},
                              {"sub", "nora"},
                              {"azp", "support-portal"},
                              {"typ", "Bearer"},
                              {"iat", unix_seconds(kNow)},
                              {"exp", unix_seconds(kNow) + 300}});
  auto& audiences = claims.set("aud", Json::array());
  for (const char* audience : {"https://writ.acme.example", "account"}) audiences.push(audience);
  return claims;
}

Json keycloak_keys(std::optional<std::string> alg = "RS256") {
  auto signs = jose::Jwk(rsa_pair().public_key(), "sig").to_json();
  std::erase_if(*signs.if_object(), [](const auto& member) { return member.first == "alg"; });
  if (alg) signs.set("alg", *alg);
  auto encrypts = signs;
  encrypts.set("kid", "enc");
  encrypts.set("use", "enc");
  encrypts.set("alg", "RSA-OAEP");
  auto keys = Json::array();
  keys.push(encrypts);
  keys.push(signs);
  return Json::object({{"keys", keys}});
}

std::string outcome(const Json& claims, const Json& header, std::optional<Algorithm> as = std::nullopt,
                    std::optional<crypto::AlgorithmSet> algorithms = std::nullopt,
                    const Json& keys = keycloak_keys()) {
  auto read = jose::read_provider_keys(keys, jose::provider_rules(algorithms));
  if (!read) return read.error().message;
  const auto issuers = TrustedIssuers::of({{.issuer = "https://idp.acme.example/realms/acme",
                                            .audience = "https://writ.acme.example",
                                            .keys = std::move(read->keys),
                                            .mapping = {},
                                            .algorithms = algorithms}})
                           .value();
  const auto text = jose::testing::foreign_jws(rsa_pair(), header.dump(), claims.dump(), as);
  const auto user = issuers.verify(text, kNow);
  return user ? user->id + " by " + user->client.value_or("-")
              : std::string(reason_code(user.error().reason));
}

Json header(std::string_view alg, std::string_view kid = "sig") {
  return Json::object({{"alg", alg}, {"typ", "JWT"}, {"kid", kid}});
}

TEST(ProviderAlgorithms, ATokenAsKeycloakGivesItIsAccepted) {
  EXPECT_EQ(outcome(keycloak_claims(), header("RS256")), "nora by support-portal");
}

TEST(ProviderAlgorithms, AListOfAudiencesWithoutWritsIsRefused) {
  auto claims = keycloak_claims();
  claims.set("aud", Json::array()).push("account");
  EXPECT_EQ(outcome(claims, header("RS256")), "audience_mismatch");
}

TEST(ProviderAlgorithms, AClockThirtySecondsAheadIsTolerated) {
  for (const char* name : {"nbf", "iat"}) {
    auto claims = keycloak_claims();
    claims.set(name, unix_seconds(kNow) + 30);
    EXPECT_EQ(outcome(claims, header("RS256")), "nora by support-portal") << name;
    claims.set(name, unix_seconds(kNow) + 31);
    EXPECT_EQ(outcome(claims, header("RS256")), "token_not_yet_valid") << name;
  }
}

TEST(ProviderAlgorithms, TheKeyPinsTheAlgorithm) {
  EXPECT_EQ(outcome(keycloak_claims(), header("PS256"), Algorithm::kPs256), "token_signature");
  EXPECT_EQ(outcome(keycloak_claims(), header("RS512"), Algorithm::kRs512), "token_signature");
  EXPECT_EQ(outcome(keycloak_claims(), header("RS256", "enc")), "token_signature");
  EXPECT_EQ(outcome(keycloak_claims(), header("HS256")), "token_malformed");
  EXPECT_EQ(outcome(keycloak_claims(), header("none")), "token_malformed");
}

TEST(ProviderAlgorithms, AKeyWithoutAlgIsPinnedByTheIssuersList) {
  const auto keys = keycloak_keys(std::nullopt);
  const auto with = [&](std::string_view alg, Algorithm as, std::optional<crypto::AlgorithmSet> list) {
    return outcome(keycloak_claims(), header(alg), as, list, keys);
  };
  EXPECT_EQ(with("RS256", Algorithm::kRs256, std::nullopt), "nora by support-portal");
  EXPECT_EQ(with("PS256", Algorithm::kPs256, std::nullopt), "token_signature");
  const crypto::AlgorithmSet pss{Algorithm::kPs256};
  EXPECT_EQ(with("PS256", Algorithm::kPs256, pss), "nora by support-portal");
  EXPECT_EQ(with("RS256", Algorithm::kRs256, pss), "token_signature");
}

TEST(ProviderAlgorithms, AnAlgorithmThatTheIssuerIsNotConfiguredForIsRefused) {
  const auto issuers = [](std::optional<crypto::AlgorithmSet> algorithms) {
    return TrustedIssuers::of(
               {{.issuer = "https://idp.acme.example/realms/acme",
                 .audience = "https://writ.acme.example",
                 .keys = jose::read_provider_keys(keycloak_keys(), jose::provider_rules({}))->keys,
                 .mapping = {},
                 .algorithms = algorithms}})
        .value();
  };
  const auto text = jose::testing::foreign_jws(rsa_pair(), header("RS256").dump(), keycloak_claims().dump());
  EXPECT_TRUE(issuers(std::nullopt).verify(text, kNow).has_value());
  const auto refused = issuers(crypto::AlgorithmSet{Algorithm::kEs256}).verify(text, kNow);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, Reason::kTokenSignature);
}

// RFC 7523: a client whose only key is an RSA or a P-384 one.
TEST(ClientAlgorithms, AnAssertionByTheClientsKeyAuthenticatesItAndByAnotherAlgorithmDoesNot) {
  testing::World world;
  const auto p384 = ForeignKey::generate(Algorithm::kEs384);
  const auto add = [&](std::string id, const crypto::PublicKey& key) {
    inventory::Identity service{.id = std::move(id), .kind = inventory::Kind::kService};
    service.keys = {jose::Jwk(key, "k")};
    world.add(std::move(service));
  };
  add("rsa-batch", rsa_pair().public_key());
  add("p384-batch", p384.public_key());
  const auto asks = [&](std::string_view client, const ForeignKey& pair, std::string_view alg,
                        std::optional<Algorithm> as = std::nullopt) {
    const auto head = Json::object({{"alg", alg}, {"kid", "k"}}).dump();
    const auto text = jose::testing::foreign_jws(pair, head, world.assertion_claims(client).dump(), as);
    return testing::outcome(world.ask({{"grant_type", std::string(kGrantClientCredentials)},
                                       {"resource", std::string(testing::kInvoices)},
                                       {"client_assertion_type", std::string(kAssertionJwtBearer)},
                                       {"client_assertion", text}}));
  };
  EXPECT_EQ(asks("rsa-batch", rsa_pair(), "RS256"), "issued");
  EXPECT_EQ(asks("p384-batch", p384, "ES384"), "issued");
  for (const auto& said :
       {asks("rsa-batch", rsa_pair(), "PS256", Algorithm::kPs256), asks("rsa-batch", p384, "ES384"),
        asks("rsa-batch", ForeignKey::generate(Algorithm::kRs256), "RS256"),
        asks("p384-batch", rsa_pair(), "RS256"), asks("nobody", rsa_pair(), "RS256")})
    EXPECT_EQ(said, "invalid_client/token_signature");
}

}  // namespace
}  // namespace writ::oauth::provider_algorithms_test
