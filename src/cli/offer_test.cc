#include "cli/offer.h"

#include <gmock/gmock.h>

namespace writ::cli::offer_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string offer(std::string_view text) {
  return offer_of(codec::parse_json(text).value());
}

TEST(Offer, ThePartyThatWasRefusedGetsThePolicyAndTheTest) {
  EXPECT_EQ(
      offer(R"({"type":"decision","point":"gateway","effect":"deny","reason":"policy_no_permit",
    "party":"Writ::Application::\"web-app\"","subject":"alice","client":"web-app","purpose":"support",
    "action":"Orders::Action::\"getOrder\"","resource":"Orders::Order::\"1\"","method":"GET","path":"/orders/1"})"),
      "  a policy that would permit it; narrow it with `when`:\n"
      "    @id(\"web-app-may-getorder\")\n"
      "    permit (principal == Writ::Application::\"web-app\", action == Orders::Action::\"getOrder\", "
      "resource is Orders::Order);\n"
      "  and the test that says so:\n"
      "    - name: web-app-may-getorder\n"
      "      token: {sub: alice, client_id: web-app, purpose: support}\n"
      "      request: \"GET /orders/1\"\n"
      "      expect: permit\n");
}

TEST(Offer, AUserIsAnyUserAndATaskIsAFixture) {
  const auto text = offer(R"({"point":"gateway","reason":"policy_no_permit","party":"Writ::User::\"alice\"",
    "subject":"alice","client":"bot","actors":["bot"],"task":"t-1",
    "action":"Orders::Action::\"get\"","resource":"Orders::Order::\"1\"","method":"GET","path":"/orders/1"})");
  EXPECT_THAT(text, HasSubstr("permit (principal is Writ::User,"));
  EXPECT_THAT(text, HasSubstr("needs the task t-1 as a fixture"));
  EXPECT_THAT(text, Not(HasSubstr("expect")));
}

TEST(Offer, OtherReasonsAndRecordsThatTellTooLittleHaveNone) {
  EXPECT_EQ(
      offer(
          R"({"reason":"task_missing","party":"Writ::User::\"a\"","action":"A::\"b\"","resource":"C::\"d\""})"),
      "");
  EXPECT_EQ(offer(R"({"reason":"policy_no_permit"})"), "");
  EXPECT_EQ(offer(R"({"reason":"policy_no_permit","party":"x","action":"y","resource":"z"})"), "");
}

TEST(Offer, WhatTheApiSaidIsAFixtureOfTheTest) {
  const auto text = offer(R"({"point":"gateway","reason":"policy_no_permit","party":"Writ::User::\"alice\"",
    "subject":"alice","client":"web-app","action":"Orders::Action::\"get\"","resource":"Orders::Order::\"1\"",
    "method":"GET","path":"/orders/1","attributes":{"owner":{"__entity":{"type":"Writ::User","id":"bob"}}}})");
  EXPECT_THAT(text, HasSubstr("        - {uid: 'Orders::Order::\"1\"', attrs: "
                              R"({"owner":{"__entity":{"type":"Writ::User","id":"bob"}}}, parents: []})"));
}

TEST(Offer, ARefusalHasACommandThatExplainsIt) {
  const auto of = [](std::string_view more) {
    return explaining(
        codec::parse_json(R"({"point":"gateway","effect":"deny","subject":"alice","client":"web-app",
      "purpose":"support","method":"GET","path":"/orders/a'b?x=1")" +
                          std::string(more) + "}")
            .value(),
        "orders/writ.yaml");
  };
  EXPECT_EQ(of(""),
            "  why: writ explain --config orders/writ.yaml --request 'GET /orders/a'\\''b?x=1' --sub alice "
            "--client web-app --purpose support\n");
  EXPECT_THAT(of(R"(,"actors":["bot","web-app"])"), HasSubstr(" --act bot --act web-app\n"));
}

TEST(Offer, WhatACommandCouldNotKnowIsNotExplainedByOne) {
  for (
      const auto* record :
      {R"({"point":"gateway","effect":"permit","client":"a","method":"GET","path":"/"})",
       R"({"point":"oauth","effect":"deny","client":"a","method":"GET","path":"/"})",
       R"({"point":"gateway","effect":"deny","method":"GET","path":"/"})",
       R"({"point":"gateway","effect":"deny","client":"a","method":"GET","path":"/","task":"t"})",
       R"({"point":"gateway","effect":"deny","client":"a","method":"GET","path":"/","reason":"facts_unavailable"})",
       R"({"point":"gateway","effect":"deny","client":"a","method":"GET","path":"/","attributes":{}})",
       R"({"point":"gateway","effect":"deny","client":"a","method":"GET","path":"/","input":{}})",
       R"({"point":"gateway","effect":"deny","client":"a","method":"GET","path":"/\u001b[2J"})"})
    EXPECT_EQ(explaining(codec::parse_json(record).value(), "writ.yaml"), "") << record;
}

TEST(Offer, NothingOfARequestEscapes) {
  const auto text = offer(R"({"point":"gateway","reason":"policy_no_permit","party":"Writ::Agent::\"a\"",
    "client":"a\n      expect: deny","action":"O::Action::\"get\"","resource":"O::T::\"\\\"; permit\"",
    "method":"GET","path":"/x\n\u001b[2J"})");
  EXPECT_EQ(text.find('\x1b'), text.npos);
  EXPECT_THAT(text, Not(HasSubstr("expect: deny\n")));
}

}  // namespace
}  // namespace writ::cli::offer_test
