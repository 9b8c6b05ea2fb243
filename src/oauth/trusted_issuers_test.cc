#include "oauth/trusted_issuers.h"

#include <gtest/gtest.h>

#include "jose/jws.h"

namespace writ::oauth {
namespace {

using codec::Json;
using namespace std::chrono_literals;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

class TrustedIssuersTest : public ::testing::Test {
 protected:
  std::string outcome(const jose::PrivateJwk& key, std::string_view typ = "JWT") {
    const auto result = issuers_.verify(jose::sign_jws(key, claims_.dump(), typ).value(), kNow);
    return result ? result->id + "/" + result->tenant.value_or("-")
                  : std::string(reason_code(result.error().reason));
  }
  std::string outcome() { return outcome(key_); }

  jose::PrivateJwk key_ = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  TrustedIssuers issuers_ =
      TrustedIssuers::of({{.issuer = "https://idp.acme.example",
                           .audience = "writ",
                           .keys = jose::JwkSet::of({key_.public_jwk()}).value(),
                           .mapping = {.subject = "user", .tenant = "org", .acr = {}, .auth_time = {}}}})
          .value();
  Json claims_ = Json::object({{"iss", "https://idp.acme.example"},
                               {"sub", "8f2e"},
                               {"user", "nora"},
                               {"org", "north"},
                               {"aud", "writ"},
                               {"exp", unix_seconds(kNow) + 600}});
};

TEST_F(TrustedIssuersTest, MapsTheClaims) {
  EXPECT_EQ(outcome(), "nora/north");
}

TEST_F(TrustedIssuersTest, AnotherIssuerIsRefused) {
  claims_.set("iss", "https://evil.example");
  EXPECT_EQ(outcome(), "token_issuer");
}

TEST_F(TrustedIssuersTest, AnotherKeyIsRefused) {
  EXPECT_EQ(outcome(jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value()), "token_signature");
}

TEST_F(TrustedIssuersTest, ATokenForSomeoneElseIsRefused) {
  claims_.set("aud", "portal");
  EXPECT_EQ(outcome(), "audience_mismatch");
}

TEST_F(TrustedIssuersTest, AnExpiredTokenIsRefused) {
  claims_.set("exp", unix_seconds(kNow));
  EXPECT_EQ(outcome(), "token_expired");
}

TEST_F(TrustedIssuersTest, ATokenThatLivesTooLongIsRefused) {
  claims_.set("exp", unix_seconds(kNow) + 25 * 3600);
  EXPECT_EQ(outcome(), "token_malformed");
}

TEST_F(TrustedIssuersTest, AnAccessTokenIsNoStatementAboutAUser) {
  EXPECT_EQ(outcome(key_, "at+jwt"), "token_type");
}

TEST_F(TrustedIssuersTest, AMissingSubjectOrAClaimOfAnotherShapeIsRefused) {
  const auto good = claims_;
  claims_.set("user", 7);
  EXPECT_EQ(outcome(), "token_malformed");
  claims_.set("user", "nora\n");
  EXPECT_EQ(outcome(), "token_malformed");
  claims_ = good;
  std::erase_if(*claims_.if_object(), [](const auto& member) { return member.first == "user"; });
  EXPECT_EQ(outcome(), "token_malformed");
  claims_ = good;
  claims_.set("org", Json::array());
  EXPECT_EQ(outcome(), "token_malformed");
}

TEST_F(TrustedIssuersTest, AnAbsentTenantStaysAbsent) {
  std::erase_if(*claims_.if_object(), [](const auto& member) { return member.first == "org"; });
  EXPECT_EQ(outcome(), "nora/-");
}

TEST(TrustedIssuers, RefusesTwoEntriesForOneIssuer) {
  const TrustedIssuer one{
      .issuer = "https://a.example", .audience = "writ", .keys = jose::JwkSet::of({}).value(), .mapping = {}};
  EXPECT_FALSE(TrustedIssuers::of({one, one}).has_value());
  EXPECT_TRUE(TrustedIssuers::of({one}).has_value());
}

}  // namespace
}  // namespace writ::oauth
