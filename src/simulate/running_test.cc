// POST /v1/decide without HTTP: the use case over the state that is running.
#include "simulate/running.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/desk.h"
#include "gateway/routes.h"

namespace writ::simulate::running_test {
namespace {

using control::testing::word;
using ::testing::ElementsAre;
using namespace std::chrono_literals;

constexpr std::string_view kInvoices = R"(
@id("portal") permit (principal == Writ::Application::"support-portal", action, resource is Billing::Invoice);
@id("no-refunds") forbid (principal is Writ::User, action == Billing::Action::"refund", resource);)";

class RunningTest : public ::testing::Test {
 protected:
  RunningTest() {
    desk.policies =
        enforce::testing::compiled(std::string(control::testing::kOperators) + std::string(kInvoices));
    desk.current.replace(std::make_shared<const gateway::Routes>(gateway::Routes::make({}).value()));
  }
  static codec::Json question(std::string_view action, std::string_view more = "") {
    auto json = codec::parse_json(R"({"api":"invoices","resource":"Billing::Invoice::\"1\"",
      "token":{"client_id":"support-portal","sub":"nora"})" +
                                  std::string(more) + "}")
                    .value();
    json.set("action", action);
    return json;
  }

  control::testing::Desk desk;
  const std::unique_ptr<WhatIf> what_if = WhatIf::make(std::string(desk.kIssuer)).value();
  const decision::Redaction nothing_redacted;
  const RunningSimulator simulator{
      {desk.current, desk.tasks, *what_if, desk.kIssuer, 5min, nothing_redacted}};
  const control::Simulations simulations{desk.authority, simulator};
};

TEST_F(RunningTest, SaysWhatWouldComeOfIt) {
  const auto read = simulations.ask(desk.as_operator(), question("read"));
  ASSERT_TRUE(read) << word(read);
  EXPECT_EQ(read->prospect.effect(), decision::Effect::kPermit);
  EXPECT_EQ(read->api, "invoices");
  EXPECT_EQ(read->time, desk.clock.now());
  EXPECT_EQ(read->policy_revision, "r1");
  const auto refund = simulations.ask(desk.as_operator(), question("refund"));
  ASSERT_TRUE(refund);
  ASSERT_EQ(refund->prospect.effect(), decision::Effect::kDeny);
  EXPECT_EQ(refund->prospect.explanation->refusals.front().reason, Reason::kPolicyForbid);
}

TEST_F(RunningTest, WhatWasAskedAndTheAnswerAreOnRecord) {
  ASSERT_TRUE(simulations.ask(desk.as_operator(), question("refund")));
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "decision.asked"));
  EXPECT_EQ(*desk.audit.lines().back().find_string("object"), "deny");
}

TEST_F(RunningTest, WithoutItsRecordThereIsNoAnswer) {
  desk.record = [](audit::Record, audit::Log::Done done) { done({}); };
  desk.audit.broken = true;
  EXPECT_EQ(word(simulations.ask(desk.as_operator(), question("read"))), "not_recorded");
}

TEST_F(RunningTest, WhoMayNotAskGetsNoAnswer) {
  const auto token = desk.own_token("marketing-app", "marketing-app");
  EXPECT_EQ(word(simulations.ask(desk.as(token), question("read"))), "policy_no_permit");
  EXPECT_THAT(desk.told(), ElementsAre("decision/deny"));
}

TEST_F(RunningTest, AQuestionThatIsNoneIsInvalidAndNotAsked) {
  EXPECT_EQ(word(simulations.ask(desk.as_operator(), codec::Json::object())), "invalid");
  EXPECT_EQ(word(simulations.ask(desk.as_operator(), question("read", R"(,"shoe_size":44)"))), "invalid");
  EXPECT_EQ(word(simulations.ask(desk.as_operator(),
                                 codec::parse_json(R"({"request":"GET /nowhere","token":"none"})").value())),
            "not_found");
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "decision/permit", "decision/permit"));
}

}  // namespace
}  // namespace writ::simulate::running_test
