#include "oauth/issuer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oauth/testing/world.h"

namespace writ::oauth::issuer_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kInvoices;
using testing::kNow;

class IssuerTest : public ::testing::Test {
 protected:
  // The agent works for nora, and took over from the portal.
  static token::AccessClaims handed_on() {
    auto claims = token::testing::valid_claims(kNow);
    claims.client_id = "support-agent";
    claims.actors = {{"support-agent", {}}, {"support-portal", {}}};
    claims.purpose = "support";
    return claims;
  }
  std::expected<std::string, NotIssued> issue(const token::AccessClaims& claims, bool handed_on,
                                              std::string_view audience = kInvoices) {
    const auto in_force = world.current.get();
    return issuer.issue({.claims = claims,
                         .api = *in_force->inventory->find_audience(audience),
                         .task = nullptr,
                         .handed_on = handed_on,
                         .in_force = in_force,
                         .now = kNow});
  }
  // Effect and action of each record.
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    for (const auto& line : world.audit) {
      const auto json = codec::parse_json(line).value();
      all.push_back(*json.find_string("effect") + " " + *json.find_string("action"));
    }
    return all;
  }

  testing::World world;
  Issuer issuer{world.minter, world.record, {.method = "POST", .path = "/oauth2/token"}, "r-1"};
};

constexpr const char* kIssued = R"(permit Writ::Action::"issue")";
constexpr const char* kDelegated = R"(permit Writ::Action::"delegate")";

TEST_F(IssuerTest, ATokenSaysWhatWasWantedAndIsRecorded) {
  const auto token = issue(handed_on(), false);
  ASSERT_TRUE(token);
  EXPECT_EQ(world.claims(*token).purpose, "support");
  EXPECT_THAT(told(), ElementsAre(kIssued));
}

TEST_F(IssuerTest, WhereAnAgentTakesOverItIsAskedForThatToo) {
  ASSERT_TRUE(issue(handed_on(), true));
  EXPECT_THAT(told(), ElementsAre(kDelegated, kIssued));
}

TEST_F(IssuerTest, AnAgentThatMayNotTakeOverGetsNoToken) {
  world.policies = testing::World::compiled(R"(
@id("issues") permit (principal, action == Writ::Action::"issue", resource is Writ::Api);)");
  ASSERT_TRUE(issue(handed_on(), false));
  world.audit.clear();
  const auto token = issue(handed_on(), true);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().kind, NotIssued::Kind::kRefused);
  EXPECT_EQ(token.error().refusal.reason, Reason::kPolicyNoPermit);
  EXPECT_EQ(issuer.step(), enforce::IssuingStep::kDelegate);
  EXPECT_THAT(told(), IsEmpty()) << "a refusal is recorded by who asked";
  EXPECT_EQ(issuer.told().resource, R"(Writ::Agent::"support-agent")");
}

TEST_F(IssuerTest, WithoutItsRecordThereIsNoToken) {
  world.audit_broken = true;
  const auto token = issue(handed_on(), false);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().kind, NotIssued::Kind::kBroken);
}

TEST_F(IssuerTest, WithoutTheRecordOfTheDelegationThereIsNoToken) {
  world.audit_broken = true;
  ASSERT_FALSE(issue(handed_on(), true));
  EXPECT_EQ(issuer.step(), enforce::IssuingStep::kDelegate);
}

TEST_F(IssuerTest, WhatDoesNotFitIntoATokenIsNotCutOff) {
  auto claims = handed_on();
  auto details = codec::Json::array();
  for (int i = 0; i < 100; ++i) details.push(codec::Json(std::string(100, 'x')));
  claims.authorization_details = std::move(details);
  const auto token = issue(claims, false);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().kind, NotIssued::Kind::kTooLong);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(IssuerTest, WhatTheVerifierWouldRefuseIsNotIssued) {
  auto claims = handed_on();
  claims.expires_at = claims.issued_at;
  EXPECT_EQ(issue(claims, false).error().kind, NotIssued::Kind::kBroken);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(IssuerTest, TheSecondTokenKnowsNothingOfTheFirst) {
  ASSERT_TRUE(issue(handed_on(), true));
  auto claims = token::testing::valid_claims(kNow);
  claims.subject = claims.client_id = "nightly-export";
  claims.audience = testing::kMail;
  const auto token = issue(claims, false, testing::kMail);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().refusal.reason, Reason::kPolicyForbid);
  EXPECT_EQ(issuer.told().api, "mail");
  EXPECT_EQ(issuer.told().client, "nightly-export");
}

}  // namespace
}  // namespace writ::oauth::issuer_test
