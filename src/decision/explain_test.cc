#include "decision/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "decision/testing/world.h"

namespace writ::decision::explain_test {
namespace {

using ::testing::HasSubstr;
using testing::Json;

constexpr std::string_view kWorld = R"({
  "now": 1750000000,
  "policies": [
    "@id(\"users-read\") permit (principal is Writ::User, action, resource) when { resource.owner == principal };",
    "@id(\"portal-supports\") permit (principal == Writ::Application::\"portal\", action, resource) when { context has purpose && context.purpose == \"support\" && context.request.ip.isInRange(ip(\"10.0.0.0/8\")) };",
    "@id(\"bound-only\") forbid (principal is Writ::Application, action == Billing::Action::\"credit\", resource) unless { context.token.senderBound };",
    "@id(\"needs-acr\") forbid (principal is Writ::Application, action == Billing::Action::\"totals\", resource) unless { context.token.acr == \"mfa\" };"
  ],
  "entities": [{"uid": {"type": "Billing::Invoice", "id": "1"}, "attrs": {"owner": {"__entity": {"type": "Writ::User", "id": "nora"}}}, "parents": []}],
  "apis": [{"id": "invoices", "audience": "https://invoices", "namespace": "Billing", "actions": ["read", "credit", "totals"]}],
  "identities": [
    {"id": "nora", "kind": "user"}, {"id": "niklas", "kind": "user", "tenant": "east"},
    {"id": "portal", "kind": "application", "acts_for": ["users"]}
  ]
})";

class Explain : public ::testing::Test {
 protected:
  Explanation explained(std::string_view token, std::string_view action = "read",
                        const Redaction& redaction = {}) {
    Json question = Json::object();
    question.set("token", codec::parse_json(token).value());
    question.set("api", "invoices");
    question.set("action", "Billing::Action::\"" + std::string(action) + "\"");
    question.set("resource", "Billing::Invoice::\"1\"");
    question.set("ip", "10.1.2.3");
    const testing::Question asked(question, world_.now);  // the context borrows from it
    asker_.ask(asked);
    return explain(world_.policies, asker_.context(), redaction);
  }
  static std::string token(std::string_view more, std::string_view user = "nora") {
    return R"({"aud": "https://invoices", "client_id": "portal", "sub": ")" + std::string(user) + "\"" +
           std::string(more) + "}";
  }

  testing::World world_{codec::parse_json(kWorld).value(), source_path()};
  testing::Asker asker_{world_};
};

TEST_F(Explain, APermitNamesThePoliciesThatCarriedEachParty) {
  const auto explanation = explained(token(R"(, "purpose": "support")"));
  EXPECT_EQ(explanation.effect, Effect::kPermit);
  EXPECT_THAT(explanation.policies, ::testing::UnorderedElementsAre("users-read", "portal-supports"));
  EXPECT_THAT(to_text(explanation),
              HasSubstr("portal-supports permits\n    context.purpose is \"support\"\n"));
  EXPECT_FALSE(explanation.smallest_change.has_value());
}

TEST_F(Explain, ADenialShowsTheConditionThatFailedAndWhatItSaw) {
  const auto explanation = explained(token(R"(, "purpose": "marketing")"));
  EXPECT_EQ(explanation.effect, Effect::kDeny);
  ASSERT_EQ(explanation.parties.size(), 2u);
  EXPECT_TRUE(explanation.parties[0].permitted);
  const PartyFinding& portal = explanation.parties[1];
  EXPECT_FALSE(portal.permitted);
  ASSERT_EQ(portal.policies.size(), 1u);
  EXPECT_EQ(portal.policies[0].explanation.condition, "context.purpose == \"support\"");
  EXPECT_EQ(portal.policies[0].explanation.seen[0].value, "\"marketing\"");
}

TEST_F(Explain, TheSmallestChangeIsFoundAndHelps) {
  auto explanation = explained(token(R"(, "purpose": "marketing")"));
  ASSERT_TRUE(explanation.smallest_change.has_value());
  ASSERT_EQ(explanation.smallest_change->size(), 1u);
  EXPECT_EQ(explanation.smallest_change->front().path, "context.purpose");
  EXPECT_EQ(explanation.smallest_change->front().from, "\"marketing\"");
  EXPECT_EQ(explanation.smallest_change->front().to, "\"support\"");

  explanation = explained(token(""));
  EXPECT_FALSE(explanation.smallest_change->front().from.has_value());

  // Two things at once.
  explanation = explained(token(""), "credit");
  EXPECT_EQ(explanation.smallest_change->size(), 2u);
  EXPECT_THAT(to_text(explanation), HasSubstr("context.token.senderBound is true (it is false)"));
}

TEST_F(Explain, AForbidThatLackedAFactSaysWhich) {
  const auto explanation = explained(token(R"(, "purpose": "support")"), "totals");
  EXPECT_EQ(explanation.refusals.at(0).reason, Reason::kContextMissing);
  EXPECT_THAT(to_text(explanation), HasSubstr("needs-acr could not be evaluated"));
  ASSERT_TRUE(explanation.smallest_change.has_value());
  EXPECT_EQ(explanation.smallest_change->front().path, "context.token.acr");
}

TEST_F(Explain, WhereNoChangeOfTheContextHelpsItSaysSo) {
  const auto explanation = explained(token(R"(, "purpose": "support")", "niklas"));
  EXPECT_FALSE(explanation.smallest_change.has_value());
  EXPECT_THAT(to_text(explanation), HasSubstr("resource.owner is Writ::User::\"nora\""));
  EXPECT_THAT(to_text(explanation), HasSubstr("no change to the request's context was found"));
}

TEST_F(Explain, AGuardThatRefusesIsNamedAndNoContextGetsPastIt) {
  const auto explanation = explained(R"({"aud": "https://other", "client_id": "portal", "sub": "nora"})");
  EXPECT_EQ(explanation.refusals.at(0).reason, Reason::kAudienceMismatch);
  EXPECT_FALSE(explanation.guards.at(0).passed);
  EXPECT_FALSE(explanation.smallest_change.has_value());
}

TEST_F(Explain, RedactedValuesAreNotShown) {
  const auto explanation =
      explained(token(R"(, "purpose": "marketing")"), "read", {"context.purpose", "resource"});
  const std::string text = to_text(explanation) + to_json(explanation).dump();
  EXPECT_THAT(text, Not(HasSubstr("marketing")));
  EXPECT_THAT(to_text(explanation), HasSubstr("resource.owner is (redacted)"));
  // A path is redacted with what lies below it, not what only begins with the same letters.
  EXPECT_THAT(to_text(explained(token(""), "read", {"resource.own"})),
              HasSubstr("resource.owner is Writ::User"));
}

TEST_F(Explain, WhatContainsARedactedValueIsNotShownEither) {
  const auto explanation = explained(token(R"(, "purpose": "support")"), "read", {"context.request.ip"});
  for (const PartyFinding& party : explanation.parties) {
    for (const PolicyFinding& policy : party.policies) {
      for (const auto& seen : policy.explanation.seen)
        EXPECT_THAT(seen.value, Not(HasSubstr("10.1.2.3"))) << seen.path;
    }
  }
}

TEST_F(Explain, ARedactedValueIsNotToldByAMessageOrByTheChangeThatWouldHelp) {
  const auto told = [&](const Redaction& redaction) {
    const auto explanation = explained(token(R"(, "tenant": "south")", "niklas"), "read", redaction);
    return to_text(explanation) + to_json(explanation).dump();
  };
  EXPECT_THAT(told({}), HasSubstr("user `niklas` belongs to tenant `east`"));
  EXPECT_THAT(
      told({"principal.tenant", "context.tenant"}),
      AllOf(HasSubstr("belongs to tenant `(redacted)`"), Not(HasSubstr("east")), Not(HasSubstr("south"))));
}

TEST_F(Explain, JsonHasTheSameContent) {
  const Json json = to_json(explained(token(R"(, "purpose": "marketing")")));
  EXPECT_EQ(*json.find_string("effect"), "deny");
  const Json& portal = json.find("parties")->if_array()->at(1);
  const Json& policy = portal.find("policies")->if_array()->at(0);
  EXPECT_EQ(*policy.find_string("condition"), "context.purpose == \"support\"");
  EXPECT_EQ(*policy.find_string("outcome"), "not_satisfied");
  EXPECT_EQ(*json.find("smallest_change")->if_array()->at(0).find_string("to"), "\"support\"");
}

}  // namespace
}  // namespace writ::decision::explain_test
