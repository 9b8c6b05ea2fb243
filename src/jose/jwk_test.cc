#include "jose/jwk.h"

#include <fstream>
#include <gtest/gtest.h>

#include "base/testing/folders.h"

namespace writ::jose::jwk_test {
namespace {

using codec::Json;
using codec::parse_json;
using crypto::Algorithm;

Json ec_key() {
  return parse_json(R"({"kty":"EC","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY",
                        "y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw","kid":"k1"})")
      .value();
}

// RFC 8037 §A.2 and §A.3.
Json ed25519_key() {
  return parse_json(R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})")
      .value();
}

ErrorCode refusal(const Json& json) {
  const auto key = Jwk::parse(json);
  EXPECT_FALSE(key.has_value()) << json.dump();
  return key ? ErrorCode::kInternal : key.error().code;
}

TEST(Jwk, ReadsBothKindsOfKeyAndPinsTheirAlgorithm) {
  EXPECT_EQ(Jwk::parse(ec_key()).value().algorithm(), Algorithm::kEs256);
  EXPECT_EQ(Jwk::parse(ec_key()).value().kid(), "k1");
  EXPECT_EQ(Jwk::parse(ed25519_key()).value().algorithm(), Algorithm::kEdDsa);
  EXPECT_EQ(Jwk::parse(ed25519_key()).value().kid(), std::nullopt);
}

TEST(Jwk, WritesWhatItReads) {
  for (const auto& json : {ec_key(), ed25519_key()}) {
    const auto key = Jwk::parse(json).value();
    const auto again = Jwk::parse(key.to_json()).value();
    EXPECT_EQ(again.key(), key.key());
    EXPECT_EQ(again.kid(), key.kid());
    EXPECT_EQ(*key.to_json().find_string("use"), "sig");
  }
}

TEST(Jwk, ComputesTheThumbprintOfRfc8037) {
  EXPECT_EQ(Jwk::parse(ed25519_key()).value().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST(Jwk, TheThumbprintDependsOnTheKeyAlone) {
  auto other = ec_key();
  other.set("kid", "another");
  EXPECT_EQ(Jwk::parse(other).value().thumbprint(), Jwk::parse(ec_key()).value().thumbprint());
}

TEST(Jwk, RefusesPrivateAndSymmetricMembersWhereAPublicKeyIsExpected) {
  for (const auto* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    auto json = ec_key();
    json.set(name, "AAAA");
    EXPECT_EQ(refusal(json), ErrorCode::kInvalid) << name;
  }
  EXPECT_EQ(refusal(parse_json(R"({"kty":"oct","k":"AAAA"})").value()), ErrorCode::kInvalid);
}

std::string outcome(const Json& json) {
  const auto key = Jwk::parse(json);
  if (key) return "accepted";
  switch (key.error().code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kLimit:
      return "limit";
    default:
      return key.error().message;
  }
}

TEST(Jwk, AgreesWithTheCases) {
  std::ifstream file(source_path("/tests/cases/jose/keys.json"), std::ios::binary);
  const auto cases = parse_json(std::string(std::istreambuf_iterator<char>(file), {})).value();
  for (const auto& item : *cases.find("cases")->if_array()) {
    auto json = *cases.find("key");
    for (const auto& [name, value] : *item.find("set")->if_object()) json.set(name, value);
    EXPECT_EQ(outcome(json), *item.find_string("expect")) << *item.find_string("name");
  }
}

TEST(Jwk, RefusesWhatIsNoObject) {
  EXPECT_EQ(refusal(Json("key")), ErrorCode::kInvalid);
  EXPECT_EQ(refusal(Json::object()), ErrorCode::kInvalid);
}

TEST(Jwk, KeepsTheLimits) {
  auto json = ec_key();
  json.set("kid", std::string(256, 'k'));
  EXPECT_TRUE(Jwk::parse(json).has_value());
  json.set("kid", std::string(257, 'k'));
  EXPECT_EQ(refusal(json), ErrorCode::kLimit);
  json.set("kid", "");
  EXPECT_EQ(refusal(json), ErrorCode::kLimit);
  json = ec_key();
  for (int i = 0; i < 30; ++i) json.set("extra" + std::to_string(i), 1);
  EXPECT_EQ(refusal(json), ErrorCode::kLimit);
}

TEST(PrivateJwk, ComesBackFromItsStoredText) {
  for (const auto algorithm : {Algorithm::kEs256, Algorithm::kEdDsa}) {
    const auto key = PrivateJwk::generate(algorithm).value();
    const auto again = PrivateJwk::parse(parse_json(key.serialise().expose()).value()).value();
    EXPECT_EQ(again.kid(), key.kid());
    EXPECT_EQ(again.kid(), key.public_jwk().thumbprint());
    EXPECT_EQ(again.key().public_key(), key.key().public_key());
  }
}

TEST(PrivateJwk, RefusesAPublicHalfOfAnotherKey) {
  const auto one = PrivateJwk::generate(Algorithm::kEs256).value();
  const auto two = PrivateJwk::generate(Algorithm::kEs256).value();
  auto json = parse_json(one.serialise().expose()).value();
  for (const auto* name : {"x", "y"}) json.set(name, *two.public_jwk().to_json().find(name));
  EXPECT_FALSE(PrivateJwk::parse(json).has_value());
}

TEST(PrivateJwk, RefusesAPublicKey) {
  EXPECT_FALSE(PrivateJwk::parse(ec_key()).has_value());
}

TEST(PrivateJwk, ThePublicHalfHasNoPrivateMember) {
  const auto key = PrivateJwk::generate(Algorithm::kEs256).value();
  EXPECT_EQ(key.public_jwk().to_json().find("d"), nullptr);
  EXPECT_TRUE(Jwk::parse(key.public_jwk().to_json()).has_value());
}

Json set_of(std::initializer_list<Json> keys) {
  return Json::object({{"keys", Json(Json::Array(keys))}});
}

TEST(JwkSet, FindsKeysByKid) {
  auto second = ed25519_key();
  second.set("kid", "k2");
  const auto set = JwkSet::parse(set_of({ec_key(), second})).value();
  EXPECT_EQ(set.find("k2")->algorithm(), Algorithm::kEdDsa);
  EXPECT_EQ(set.find("k3"), nullptr);
  EXPECT_EQ(set.find(std::nullopt), nullptr);  // two keys: no guessing
}

TEST(JwkSet, WithoutAKidFindsTheOnlyKey) {
  EXPECT_NE(JwkSet::parse(set_of({ec_key()})).value().find(std::nullopt), nullptr);
  EXPECT_EQ(JwkSet::parse(set_of({})).value().find(std::nullopt), nullptr);
}

TEST(JwkSet, SkipsKeysOfKindsItDoesNotUse) {
  const auto rsa = parse_json(R"({"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"})").value();
  auto encryption = ec_key();
  encryption.set("use", "enc");
  EXPECT_EQ(JwkSet::parse(set_of({rsa, encryption, ed25519_key()})).value().keys().size(), 1U);
}

TEST(JwkSet, RefusesDuplicateKids) {
  EXPECT_FALSE(JwkSet::parse(set_of({ec_key(), ec_key()})).has_value());
}

TEST(JwkSet, RefusesASetWithAPrivateOrMalformedKey) {
  auto private_key = ec_key();
  private_key.set("kid", "k2");
  private_key.set("d", "AAAA");
  EXPECT_FALSE(JwkSet::parse(set_of({ec_key(), private_key})).has_value());
  EXPECT_FALSE(JwkSet::parse(set_of({ec_key(), Json(1)})).has_value());
  EXPECT_FALSE(JwkSet::parse(Json::object()).has_value());
  EXPECT_FALSE(JwkSet::parse(Json::array()).has_value());
}

TEST(JwkSet, KeepsTheLimitOfKeys) {
  auto keys = Json::array();
  for (int i = 0; i < 64; ++i) keys.push(ec_key()).set("kid", std::to_string(i));
  auto set = Json::object({{"keys", keys}});
  EXPECT_TRUE(JwkSet::parse(set).has_value());
  keys.push(ec_key());
  EXPECT_EQ(JwkSet::parse(Json::object({{"keys", keys}})).error().code, ErrorCode::kLimit);
}

TEST(JwkSet, WritesWhatItReads) {
  const auto set = JwkSet::parse(set_of({ec_key()})).value();
  EXPECT_EQ(JwkSet::parse(set.to_json()).value().find("k1")->key(), set.find("k1")->key());
}

}  // namespace
}  // namespace writ::jose::jwk_test
