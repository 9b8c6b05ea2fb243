// Keys of identity providers and clients beyond ES256 and EdDSA: what they may verify, and what is refused.
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "jose/jws.h"
#include "jose/provider_keys.h"
#include "jose/testing/foreign_jws.h"

namespace writ::jose::foreign_keys_test {
namespace {

using codec::Json;
using crypto::Algorithm;
using crypto::testing::ForeignKey;
using testing::foreign_jws;

const ForeignKey& rsa_pair() {
  static const auto key = ForeignKey::generate(Algorithm::kRs256);
  return key;
}

const ForeignKey& p256_pair() {
  static const auto key = ForeignKey::generate(Algorithm::kEs256);
  return key;
}

Json without(Json json, std::string_view name) {
  std::erase_if(*json.if_object(), [&](const auto& member) { return member.first == name; });
  return json;
}

Json rsa_key(std::optional<std::string> alg = "RS256") {
  auto json = Jwk(rsa_pair().public_key(), "r1").to_json();
  if (!alg) return without(json, "alg");
  json.set("alg", *alg);
  return json;
}

const KeyRules kAny = provider_rules(std::nullopt);

ErrorCode refusal(const Json& json, const KeyRules& rules = kAny) {
  const auto key = Jwk::parse(json, rules);
  EXPECT_FALSE(key.has_value()) << json.dump();
  return key ? ErrorCode::kInternal : key.error().code;
}

std::string header(std::string_view alg) {
  return Json::object({{"alg", alg}}).dump();
}

bool verifies(const Json& key, std::string_view text, const KeyRules& rules = kAny) {
  const auto read = Jwk::parse(key, rules);
  const auto jws = parse_jws(text, Signers::kOthers);
  return read && jws && jws->verify(*read).has_value();
}

TEST(ForeignKeys, EachAlgorithmVerifiesUnderItsKey) {
  for (const auto* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
    const auto algorithm = *crypto::algorithm_from_name(name);
    const auto key = Jwk::parse(rsa_key(name), kAny).value();
    EXPECT_EQ(key.algorithm(), algorithm);
    EXPECT_EQ(Jwk::parse(key.to_json(), kAny).value().key(), key.key());
    EXPECT_TRUE(verifies(rsa_key(name), foreign_jws(rsa_pair(), header(name), "{}", algorithm))) << name;
  }
  for (const auto algorithm : {Algorithm::kEs384, Algorithm::kEs512}) {
    const auto pair = ForeignKey::generate(algorithm);
    const auto json = Jwk(pair.public_key(), "k").to_json();
    EXPECT_EQ(Jwk::parse(json, kAny).value().key(), pair.public_key());
    EXPECT_TRUE(verifies(json, foreign_jws(pair, header(crypto::algorithm_name(algorithm)), "{}")));
  }
}

TEST(ForeignKeys, Ed25519IsRfc9864sNameForEdDsa) {
  const auto pair = ForeignKey::generate(Algorithm::kEdDsa);
  auto json = Jwk(pair.public_key(), "k").to_json();
  for (const auto* in_key : {"EdDSA", "Ed25519"}) {
    json.set("alg", in_key);
    for (const auto* in_header : {"EdDSA", "Ed25519"})
      EXPECT_TRUE(verifies(json, foreign_jws(pair, header(in_header), "{}"))) << in_key << ' ' << in_header;
    EXPECT_FALSE(verifies(json, foreign_jws(pair, header("Ed448"), "{}")));
  }
}

TEST(ForeignKeys, WritsOwnTokensAndProofsKnowNoneOfThem) {
  for (const auto* name : {"RS256", "PS256", "ES384", "ES512", "Ed25519"})
    EXPECT_EQ(parse_jws(foreign_jws(rsa_pair(), header(name), "{}")).error().code, ErrorCode::kUnsupported)
        << name;
  EXPECT_EQ(refusal(rsa_key(), kOwnKeys), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(Jwk(ForeignKey::generate(Algorithm::kEs384).public_key()).to_json(), kOwnKeys),
            ErrorCode::kUnsupported);
}

TEST(ForeignKeys, APs256SignatureUnderAnRs256KeyAndTheReverseAreRefused) {
  const auto ps256 = foreign_jws(rsa_pair(), header("PS256"), "{}", Algorithm::kPs256);
  const auto rs256 = foreign_jws(rsa_pair(), header("RS256"), "{}", Algorithm::kRs256);
  EXPECT_TRUE(verifies(rsa_key("PS256"), ps256));
  EXPECT_FALSE(verifies(rsa_key("RS256"), ps256));
  EXPECT_FALSE(verifies(rsa_key("PS256"), rs256));
  // And where the header says what the key wants.
  EXPECT_FALSE(verifies(rsa_key("RS256"), foreign_jws(rsa_pair(), header("RS256"), "{}", Algorithm::kPs256)));
  EXPECT_FALSE(verifies(rsa_key("PS256"), foreign_jws(rsa_pair(), header("PS256"), "{}", Algorithm::kRs256)));
  EXPECT_FALSE(verifies(rsa_key("RS256"), foreign_jws(rsa_pair(), header("RS512"), "{}", Algorithm::kRs512)));
}

TEST(ForeignKeys, AnHmacWithThePublicKeyAsSecretIsRefused) {
  const auto key = Jwk::parse(rsa_key(), kAny).value();
  for (const auto* name : {"HS256", "RS256"}) {
    auto text = codec::base64url_encode(header(name)) + ".e30";
    const auto mac = crypto::hmac_sha256(key.key().raw(), text);
    text += "." + codec::base64url_encode(crypto::as_bytes(mac));
    EXPECT_FALSE(verifies(rsa_key(), text)) << name;
  }
}

TEST(ForeignKeys, AnUnsecuredJwsIsRefusedUnderEveryKey) {
  for (const auto* name : {"none", "None", "NONE", ""}) {
    const auto text = codec::base64url_encode(header(name)) + ".e30.";
    EXPECT_EQ(parse_jws(text, Signers::kOthers).error().code, ErrorCode::kUnsupported) << name;
  }
  EXPECT_FALSE(verifies(rsa_key(), codec::base64url_encode(header("RS256")) + ".e30."));
  EXPECT_EQ(refusal(rsa_key("none")), ErrorCode::kUnsupported);
}

TEST(ForeignKeys, AnEs384SignatureWithAP256KeyIsRefused) {
  auto json = Jwk(p256_pair().public_key(), "k").to_json();
  EXPECT_FALSE(verifies(json, foreign_jws(p256_pair(), header("ES384"), "{}")));
  const auto p384 = ForeignKey::generate(Algorithm::kEs384);
  EXPECT_FALSE(verifies(json, foreign_jws(p384, header("ES384"), "{}")));
  EXPECT_FALSE(verifies(json, foreign_jws(p384, header("ES256"), "{}")));
  json.set("alg", "ES384");
  EXPECT_EQ(refusal(json), ErrorCode::kUnsupported);
  json.set("crv", "P-384");
  EXPECT_EQ(refusal(json), ErrorCode::kInvalid);  // its coordinates are too short
}

TEST(ForeignKeys, AnRsaKeyOfAnotherUseIsRefused) {
  auto json = rsa_key();
  json.set("use", "enc");
  EXPECT_EQ(refusal(json), ErrorCode::kUnsupported);
  json = rsa_key();
  json.set("key_ops", Json::array()).push("encrypt");
  EXPECT_EQ(refusal(json), ErrorCode::kUnsupported);
  for (const auto* alg : {"RSA-OAEP", "RS1", "ES256", "EdDSA", "HS256"})
    EXPECT_EQ(refusal(rsa_key(alg)), ErrorCode::kUnsupported) << alg;
}

TEST(ForeignKeys, AnRsaKeyWithPrivateMembersIsRefused) {
  for (const auto* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    auto json = rsa_key();
    json.set(name, "AAAA");
    EXPECT_EQ(refusal(json), ErrorCode::kInvalid) << name;
  }
}

TEST(ForeignKeys, RsaNumbersAreReadStrictly) {
  const auto n = *codec::base64url_decode(*rsa_key().find_string("n"));
  const auto with = [](const char* name, std::string_view bytes) {
    auto json = rsa_key();
    json.set(name, codec::base64url_encode(bytes));
    return json;
  };
  EXPECT_EQ(refusal(with("n", '\0' + n)), ErrorCode::kInvalid);                 // a leading zero
  EXPECT_EQ(refusal(with("n", "")), ErrorCode::kInvalid);                       // nothing
  EXPECT_EQ(refusal(with("n", n.substr(0, 127) + '\1')), ErrorCode::kInvalid);  // 1024 bits or fewer
  EXPECT_EQ(refusal(with("n", std::string(1025, '\1'))), ErrorCode::kInvalid);  // more than 8192 bits
  EXPECT_EQ(refusal(with("e", std::string_view("\0\1\0\1", 4))), ErrorCode::kInvalid);
  EXPECT_EQ(refusal(with("e", "\1")), ErrorCode::kInvalid);                         // exponent 1
  EXPECT_EQ(refusal(with("e", std::string_view("\1\0", 2))), ErrorCode::kInvalid);  // even
  EXPECT_EQ(refusal(with("e", std::string(9, '\1'))), ErrorCode::kInvalid);         // more than 2^64
  EXPECT_TRUE(Jwk::parse(with("e", std::string(8, '\1')), kAny).has_value());
  for (const auto* name : {"n", "e"}) {
    EXPECT_EQ(refusal(without(rsa_key(), name)), ErrorCode::kInvalid) << name;
    auto json = rsa_key();
    json.set(name, "!!");
    EXPECT_EQ(refusal(json), ErrorCode::kInvalid) << name;
    json.set(name, 65'537);
    EXPECT_EQ(refusal(json), ErrorCode::kInvalid) << name;
  }
}

TEST(ForeignKeys, AnRsaKeyWithoutAlgVerifiesWhatIsAllowedAlone) {
  const auto key = rsa_key(std::nullopt);
  const auto signed_by = [](const char* name) {
    return foreign_jws(rsa_pair(), header(name), "{}", crypto::algorithm_from_name(name));
  };
  EXPECT_TRUE(verifies(key, signed_by("RS256")));
  for (const auto* name : {"RS384", "RS512", "PS256", "PS384", "PS512"})
    EXPECT_FALSE(verifies(key, signed_by(name))) << name;
  const auto chosen = provider_rules(crypto::AlgorithmSet{Algorithm::kPs256, Algorithm::kRs512});
  for (const auto* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
    EXPECT_EQ(verifies(key, signed_by(name), chosen),
              std::string_view("PS256 RS512").find(name) != std::string_view::npos)
        << name;
  EXPECT_EQ(Jwk::parse(key, chosen).value().to_json().find("alg"), nullptr);
  EXPECT_EQ(refusal(key, provider_rules(crypto::AlgorithmSet{Algorithm::kEs256})), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(key, kClientKeys), ErrorCode::kUnsupported);
}

// RFC 7638 §3.1.
TEST(ForeignKeys, TheThumbprintOfAnRsaKeyIsThatOfRfc7638) {
  const auto json =
      codec::parse_json(
          R"({"kty":"RSA","alg":"RS256","kid":"2011-04-29","e":"AQAB","n":)"
          R"("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6)"
          R"(tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-)"
          R"(65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNL)"
          R"(yrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJ)"
          R"(zKnqDKgw"})")
          .value();
  EXPECT_EQ(Jwk::parse(json, kAny).value().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

Json set_of(std::initializer_list<Json> keys) {
  return Json::object({{"keys", Json(Json::Array(keys))}});
}

TEST(ProviderKeys, BrokenAndUnknownKeysAreLeftOutAndNamed) {
  auto curve = Jwk(p256_pair().public_key(), "curve").to_json();
  curve.set("crv", "secp256k1");
  auto weak = rsa_key();
  weak.set("kid", "weak");
  weak.set("e", "AQ");
  auto leaked = rsa_key();
  leaked.set("kid", "leaked");
  leaked.set("d", "AAAA");
  auto encrypts = rsa_key("RSA-OAEP");
  encrypts.set("kid", "encrypts");
  encrypts.set("use", "enc");
  const auto read = read_provider_keys(set_of({curve, weak, rsa_key(), leaked, encrypts, Json(7)}), kAny);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  ASSERT_EQ(read->keys.keys().size(), 1U);
  EXPECT_NE(read->keys.find("r1"), nullptr);
  std::string said;
  for (const auto& key : read->skipped) said += key.name + ": " + key.why + "\n";
  EXPECT_EQ(said,
            "key `curve`: jwk: `secp256k1` is not a curve for signatures of EC keys that Writ verifies\n"
            "key `weak`: key: the RSA exponent is 1 or even, expected an odd one from 3 on\n"
            "key `leaked`: jwk: holds private or symmetric key material, expected a public key\n"
            "the key at 6: jwk: not a JSON object\n");
}

TEST(ProviderKeys, OfKeysWithOneKidNoneIsUsed) {
  auto other = Jwk(p256_pair().public_key(), "r1").to_json();
  const auto alone = Jwk(p256_pair().public_key(), "p1").to_json();
  const auto read = read_provider_keys(set_of({rsa_key(), other, alone}), kAny).value();
  EXPECT_EQ(read.keys.find("r1"), nullptr);
  EXPECT_NE(read.keys.find("p1"), nullptr);
  EXPECT_EQ(read.skipped.size(), 2U);
  EXPECT_FALSE(read_provider_keys(set_of({rsa_key(), other}), kAny).has_value());
}

TEST(ProviderKeys, ASetWithNothingUsableIsAnError) {
  auto encrypts = rsa_key();
  encrypts.set("use", "enc");
  for (const auto& set : {set_of({}), set_of({encrypts}), set_of({Json()}), set_of({rsa_key("HS256")})})
    EXPECT_EQ(read_provider_keys(set, kAny).error().code, ErrorCode::kInvalid) << set.dump();
  EXPECT_EQ(read_provider_keys(set_of({rsa_key("HS256")}), kAny).error().message,
            "jwks: no key that can be used: key `r1`: jwk: `alg` is `HS256`, which Writ does not verify");
  EXPECT_EQ(read_provider_keys(set_of({rsa_key()}), provider_rules(kOwnKeys.algorithms)).error().message,
            "jwks: no key that can be used: key `r1`: jwk: a key for RS256, expected ES256, EdDSA");
}

TEST(ProviderKeys, WhatIsNotASetOrIsTooLargeIsAnError) {
  for (const auto& json : {Json(), Json::array(), Json::object(), Json::object({{"keys", "k"}})})
    EXPECT_EQ(read_provider_keys(json, kAny).error().code, ErrorCode::kInvalid) << json.dump();
  auto keys = Json::array();
  for (std::size_t i = 0; i < kMaxKeysInSet; ++i) keys.push(rsa_key()).set("kid", std::to_string(i));
  EXPECT_TRUE(read_provider_keys(Json::object({{"keys", keys}}), kAny).has_value());
  keys.push(rsa_key());
  EXPECT_EQ(read_provider_keys(Json::object({{"keys", keys}}), kAny).error().code, ErrorCode::kLimit);
}

}  // namespace
}  // namespace writ::jose::foreign_keys_test
