#include "jose/jws.h"

#include <fstream>
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "codec/base64url.h"

namespace writ::jose::jws_test {
namespace {

using crypto::Algorithm;

const PrivateJwk& es256_key() {
  static const auto key = PrivateJwk::generate(Algorithm::kEs256).value();
  return key;
}

// A JWS with this header text, whose signature is right whatever the header says.
std::string signed_with_header(std::string_view header, std::string_view payload = "{}") {
  auto text = codec::base64url_encode(header) + "." + codec::base64url_encode(payload);
  return text + "." + codec::base64url_encode(es256_key().key().sign(text).value());
}

bool accepted(std::string_view text) {
  const auto jws = parse_jws(text);
  return jws && jws->verify(es256_key().public_jwk()).has_value();
}

TEST(Jws, VerifiesWhatItSigned) {
  for (const auto algorithm : {Algorithm::kEs256, Algorithm::kEdDsa}) {
    const auto key = PrivateJwk::generate(algorithm).value();
    const auto text = sign_jws(key, "payload", "at+jwt").value();
    const auto jws = parse_jws(text).value();
    EXPECT_EQ(jws.typ(), "at+jwt");
    EXPECT_EQ(jws.kid(), key.kid());
    EXPECT_EQ(jws.verify(key.public_jwk()).value(), "payload");
    EXPECT_FALSE(jws.verify(PrivateJwk::generate(algorithm).value().public_jwk()).has_value());
  }
}

TEST(Jws, VerifiesTheEd25519ExampleOfRfc8037) {
  const auto key =
      Jwk::parse(codec::parse_json(
                     R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})")
                     .value())
          .value();
  const auto jws =
      parse_jws(
          "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
          "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
          .value();
  EXPECT_EQ(jws.verify(key).value(), "Example of Ed25519 signing");
}

std::string outcome(std::string_view text) {
  const auto jws = parse_jws(text);
  const auto payload = jws ? jws->verify(es256_key().public_jwk()) : std::unexpected(jws.error());
  if (payload) return "accepted";
  switch (payload.error().code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kUnsupported:
      return "unsupported";
    default:
      return payload.error().message;
  }
}

TEST(Jws, AgreesWithTheCasesOfHeaders) {
  std::ifstream file(source_path("/tests/cases/jose/headers.json"), std::ios::binary);
  const auto cases = codec::parse_json(std::string(std::istreambuf_iterator<char>(file), {})).value();
  for (const auto& item : *cases.find("cases")->if_array()) {
    const auto& header = *item.find_string("header");
    EXPECT_EQ(outcome(signed_with_header(header)), *item.find_string("expect")) << header;
  }
}

TEST(Jws, RefusesAnUnsecuredJws) {
  EXPECT_FALSE(
      parse_jws(codec::base64url_encode(R"({"alg":"none"})") + "." + codec::base64url_encode("{}") + ".")
          .has_value());
}

TEST(Jws, RefusesAnAlgorithmThatIsNotTheKeys) {
  const auto jws = parse_jws(signed_with_header(R"({"alg":"EdDSA"})")).value();
  EXPECT_EQ(jws.verify(es256_key().public_jwk()).error().code, ErrorCode::kUnsupported);
}

TEST(Jws, NeverUsesAKeyFromTheHeader) {
  const auto attacker = PrivateJwk::generate(Algorithm::kEs256).value();
  auto header = codec::Json::object({{"alg", "ES256"}, {"jwk", attacker.public_jwk().to_json()}});
  auto text = codec::base64url_encode(header.dump()) + ".e30";
  text += "." + codec::base64url_encode(attacker.key().sign(text).value());
  EXPECT_FALSE(accepted(text));
}

TEST(Jws, RefusesAHeaderThatIsNotUtf8) {
  EXPECT_FALSE(accepted(signed_with_header("{\"alg\":\"ES256\",\"kid\":\"\xff\"}")));
}

TEST(Jws, RefusesAnyOtherForm) {
  const auto good = sign_jws(es256_key(), "{}", std::nullopt).value();
  EXPECT_TRUE(accepted(good));
  const auto signature = good.substr(good.rfind('.') + 1);
  for (const auto& text : {std::string(), std::string("."), std::string(".."), std::string("..."), good + ".",
                           good + "=", good + " ", " " + good, good.substr(0, good.size() - 1),
                           good.substr(0, good.rfind('.')), good.substr(0, good.rfind('.') + 1), "." + good,
                           good + "." + signature, R"({"payload":"e30","signatures":[]})" + std::string()}) {
    EXPECT_FALSE(accepted(text)) << text;
  }
}

TEST(Jws, RefusesAnAlteredPart) {
  const auto good = sign_jws(es256_key(), R"({"sub":"nora"})", std::nullopt).value();
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i] == '.') continue;
    auto altered = good;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(accepted(altered)) << i;
  }
}

TEST(Jws, KeepsTheLimitOfBytes) {
  EXPECT_EQ(parse_jws(std::string(kMaxJwsBytes + 1, 'a')).error().code, ErrorCode::kLimit);
  EXPECT_EQ(parse_jws(std::string(kMaxJwsBytes, 'a')).error().code, ErrorCode::kInvalid);
}

TEST(Jws, KeepsTheLimitOfKid) {
  EXPECT_TRUE(accepted(signed_with_header(R"({"alg":"ES256","kid":")" + std::string(256, 'k') + "\"}")));
  EXPECT_FALSE(accepted(signed_with_header(R"({"alg":"ES256","kid":")" + std::string(257, 'k') + "\"}")));
}

TEST(Claims, MustBeAnObjectWithUniqueNamesWithinTheDepth) {
  EXPECT_TRUE(parse_claims(R"({"sub":"nora"})").has_value());
  for (const auto* payload : {"", "[]", "1", R"({"sub":"a","sub":"b"})", R"({"sub":"a"}x)"}) {
    EXPECT_FALSE(parse_claims(payload).has_value()) << payload;
  }
  const auto nested = [](int depth) {
    std::string text = "1";
    for (int i = 0; i < depth; ++i) text = R"({"act":)" + text + "}";
    return text;
  };
  EXPECT_TRUE(parse_claims(nested(16)).has_value());
  EXPECT_EQ(parse_claims(nested(17)).error().code, ErrorCode::kLimit);
}

}  // namespace
}  // namespace writ::jose::jws_test
