#include "token/assertion.h"

#include <gtest/gtest.h>

#include "token/testing/world.h"

namespace writ::token::assertion_test {
namespace {

using codec::Json;
using testing::kNow;
using namespace std::chrono_literals;

class AssertionTest : public ::testing::Test {
 protected:
  std::string outcome(std::optional<std::string_view> typ = "JWT") {
    const AssertionRules rules{.issuer = "https://idp.acme.example",
                               .keys = keys_,
                               .audiences = {"https://writ.example", "https://writ.example/oauth2/token"},
                               .types = {"", "JWT"},
                               .max_lifetime = 5min};
    const auto result = verify_assertion(jose::sign_jws(key_, claims_.dump(), typ).value(), rules, kNow);
    return result ? "valid" : std::string(reason_code(result.error().reason));
  }

  jose::PrivateJwk key_ = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  jose::JwkSet keys_ = jose::JwkSet::of({key_.public_jwk()}).value();
  Json claims_ = Json::object({{"iss", "https://idp.acme.example"},
                               {"sub", "nora"},
                               {"aud", "https://writ.example"},
                               {"exp", unix_seconds(kNow) + 60}});
};

TEST_F(AssertionTest, AcceptsWhatFollowsTheRules) {
  EXPECT_EQ(outcome(), "valid");
  EXPECT_EQ(outcome(std::nullopt), "valid");
  claims_.set("aud", Json::array()).push("https://writ.example/oauth2/token");
  EXPECT_EQ(outcome(), "valid");
}

TEST_F(AssertionTest, RefusesEachChange) {
  auto two = Json::array();
  two.push("https://writ.example");
  two.push("https://mail.acme.example");
  const std::tuple<const char*, Json, const char*> changes[] = {
      {"iss", "https://evil.example", "token_issuer"},
      {"iss", 1, "token_issuer"},
      {"sub", "", "token_malformed"},
      {"aud", "https://mail.acme.example", "audience_mismatch"},
      {"aud", two, "audience_mismatch"},
      {"aud", Json(), "audience_mismatch"},
      {"exp", unix_seconds(kNow), "token_expired"},
      {"exp", unix_seconds(kNow) + 306, "token_malformed"},
      {"exp", "soon", "token_malformed"},
      {"iat", unix_seconds(kNow) + 6, "token_not_yet_valid"},
      {"nbf", unix_seconds(kNow) + 6, "token_not_yet_valid"},
      {"nbf", "then", "token_malformed"},
      {"jti", 7, "token_malformed"},
  };
  const auto good = claims_;
  for (const auto& [name, value, expected] : changes) {
    claims_ = good;
    claims_.set(name, value);
    EXPECT_EQ(outcome(), expected) << name << ' ' << value.dump();
  }
}

// RFC 7519 §4.1.6: how old a statement is, `iat` says; `exp` alone would let whoever made it say anything.
TEST_F(AssertionTest, RefusesWhatWasMadeTooLongBeforeItEnds) {
  const auto age = [&](std::int64_t seconds) {
    claims_.set("iat", unix_seconds(kNow) - seconds);
    return outcome();
  };
  EXPECT_EQ(age(240), "valid");
  EXPECT_EQ(age(246), "token_malformed");
  EXPECT_EQ(age(10 * 365 * 86'400), "token_malformed");
}

TEST_F(AssertionTest, RefusesAnUnknownAgeWhereTheRulesAskForIt) {
  const auto text = [&] { return jose::sign_jws(key_, claims_.dump(), "JWT").value(); };
  const AssertionRules rules{.issuer = "https://idp.acme.example",
                             .keys = keys_,
                             .audiences = {"https://writ.example"},
                             .types = {"JWT"},
                             .max_lifetime = 5min,
                             .needs_issued_at = true};
  EXPECT_EQ(verify_assertion(text(), rules, kNow).error().reason, Reason::kTokenMalformed);
  claims_.set("iat", unix_seconds(kNow));
  EXPECT_TRUE(verify_assertion(text(), rules, kNow));
}

TEST_F(AssertionTest, TellsFurtherAudiencesToWhoLooksAtThem) {
  auto several = Json::array();
  for (const char* each : {"portal", "https://writ.example"}) several.push(each);
  claims_.set("aud", several);
  const AssertionRules rules{.issuer = "https://idp.acme.example",
                             .keys = keys_,
                             .audiences = {"https://writ.example"},
                             .types = {"JWT"},
                             .max_lifetime = 5min,
                             .among_others = true};
  const auto verify = [&] {
    return verify_assertion(jose::sign_jws(key_, claims_.dump(), "JWT").value(), rules, kNow);
  };
  const auto assertion = verify();
  ASSERT_TRUE(assertion);
  EXPECT_EQ(assertion->audience, "https://writ.example");
  EXPECT_EQ(assertion->audiences, (std::vector<std::string>{"portal", "https://writ.example"}));
  for (std::size_t i = 2; i <= kMaxAudiences; ++i) several.push("another");
  claims_.set("aud", several);
  EXPECT_EQ(verify().error().reason, Reason::kAudienceMismatch);
}

TEST_F(AssertionTest, ToleratesAClockAheadAsFarAsTheRulesSay) {
  const auto ahead = [&](const char* name, std::int64_t seconds, Duration tolerance) {
    auto claims = claims_;
    claims.set(name, unix_seconds(kNow) + seconds);
    const AssertionRules rules{.issuer = "https://idp.acme.example",
                               .keys = keys_,
                               .audiences = {"https://writ.example"},
                               .types = {"JWT"},
                               .max_lifetime = 5min,
                               .tolerance = tolerance};
    const auto result = verify_assertion(jose::sign_jws(key_, claims.dump(), "JWT").value(), rules, kNow);
    return result ? "valid" : std::string(reason_code(result.error().reason));
  };
  for (const char* name : {"nbf", "iat"}) {
    EXPECT_EQ(ahead(name, 30, 30s), "valid") << name;
    EXPECT_EQ(ahead(name, 31, 30s), "token_not_yet_valid") << name;
    EXPECT_EQ(ahead(name, 1, 0s), "token_not_yet_valid") << name;
  }
  EXPECT_EQ(ahead("exp", 330, 30s), "valid");
  EXPECT_EQ(ahead("exp", 331, 30s), "token_malformed");
  // What has ended has ended.
  EXPECT_EQ(ahead("exp", 0, 30s), "token_expired");
}

TEST_F(AssertionTest, RefusesAnAlgorithmThatTheRulesLeaveOut) {
  const AssertionRules rules{.issuer = "https://idp.acme.example",
                             .keys = keys_,
                             .audiences = {"https://writ.example"},
                             .types = {"JWT"},
                             .max_lifetime = 5min,
                             .algorithms = {crypto::Algorithm::kRs256, crypto::Algorithm::kEdDsa}};
  const auto result = verify_assertion(jose::sign_jws(key_, claims_.dump(), "JWT").value(), rules, kNow);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kTokenSignature);
  EXPECT_EQ(result.error().message, "the token's algorithm is `ES256`, expected one of EdDSA, RS256");
}

TEST_F(AssertionTest, RefusesAMissingExpiry) {
  std::erase_if(*claims_.if_object(), [](const auto& member) { return member.first == "exp"; });
  EXPECT_EQ(outcome(), "token_malformed");
}

TEST_F(AssertionTest, RefusesOtherTypesAndOtherKeys) {
  EXPECT_EQ(outcome("at+jwt"), "token_type");
  EXPECT_EQ(outcome("dpop+jwt"), "token_type");
  key_ = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  EXPECT_EQ(outcome(), "token_signature");
}

TEST_F(AssertionTest, TellsTheUnverifiedIssuer) {
  EXPECT_EQ(unverified_issuer(jose::sign_jws(key_, claims_.dump(), std::nullopt).value()).value(),
            "https://idp.acme.example");
  for (const auto* payload : {"{}", "x", R"({"iss":1})", R"({"iss":""})"}) {
    EXPECT_FALSE(unverified_issuer(jose::sign_jws(key_, payload, std::nullopt).value()).has_value())
        << payload;
  }
  EXPECT_FALSE(unverified_issuer("x").has_value());
}

}  // namespace
}  // namespace writ::token::assertion_test
