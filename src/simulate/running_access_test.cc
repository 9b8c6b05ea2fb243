// /v1/access without HTTP: who may ask, what is recorded, and what one tenant sees of another.
#include "simulate/running_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/desk.h"

namespace writ::simulate {
namespace {

using control::AccessQuestion;
using control::testing::word;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = AccessQuestion::Kind;

class RunningAccessTest : public ::testing::Test {
 protected:
  RunningAccessTest() {
    desk.policies = enforce::testing::compiled(
        std::string(control::testing::kOperators) +
        R"(@id("apps") permit (principal is Writ::Application, action, resource is Billing::Invoice);)");
    desk.add({.id = "of-north", .kind = inventory::Kind::kUser, .tenant = "north"});
    desk.add({.id = "of-south", .kind = inventory::Kind::kUser, .tenant = "south"});
    desk.add({.id = "north-console", .kind = inventory::Kind::kService, .tenant = "north"});
  }
  static AccessQuestion to_invoices() {
    return {.kind = Kind::kTo, .id = {}, .api = "invoices", .action = {}, .resource = {}, .reads = {}};
  }
  static AccessQuestion of(std::string id) {
    return {.kind = Kind::kOf, .id = std::move(id), .api = {}, .action = {}, .resource = {}, .reads = {}};
  }

  control::testing::Desk desk;
  const RunningAccess answers;
  const control::Access access{desk.authority, desk.current, answers};
};

TEST_F(RunningAccessTest, EachQuestionIsRecordedWithItsText) {
  ASSERT_TRUE(access.ask(desk.as_operator(), to_invoices()));
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "access.asked"));
  EXPECT_THAT(*desk.audit.lines().back().find_string("detail"), HasSubstr("invoices"));
}

TEST_F(RunningAccessTest, WithoutItsRecordThereIsNoAnswer) {
  desk.record = [](audit::Record, audit::Log::Done done) { done({}); };
  desk.audit.broken = true;
  EXPECT_EQ(word(access.ask(desk.as_operator(), to_invoices())), "not_recorded");
}

TEST_F(RunningAccessTest, WhoMayNotReadAccessGetsNoAnswer) {
  const auto token = desk.own_token("marketing-app", "marketing-app");
  EXPECT_EQ(word(access.ask(desk.as(token), to_invoices())), "policy_no_permit");
}

TEST_F(RunningAccessTest, AnUnknownIdentityAndApiAreNotFound) {
  EXPECT_EQ(word(access.ask(desk.as_operator(), of("nobody-at-all"))), "not_found");
  auto question = to_invoices();
  question.api = "nothing";
  EXPECT_EQ(word(access.ask(desk.as_operator(), question)), "not_found");
}

TEST_F(RunningAccessTest, APageGoesOnAndOnlyUnderTheSamePolicies) {
  auto question = to_invoices();
  question.all = true;
  question.limit = 1;
  const auto first = access.ask(desk.as_operator(), question);
  ASSERT_TRUE(first) << word(first);
  ASSERT_NE(first->find_string("next"), nullptr);
  EXPECT_EQ(first->find("answers")->if_array()->size(), 1u);
  question.after = *first->find_string("next");
  const auto second = access.ask(desk.as_operator(), question);
  ASSERT_TRUE(second);
  EXPECT_NE(first->find("answers")->dump(), second->find("answers")->dump());
  question.after = "other.1";
  EXPECT_EQ(word(access.ask(desk.as_operator(), question)), "conflict");
  question.after = "1";
  EXPECT_EQ(word(access.ask(desk.as_operator(), question)), "invalid");
}

TEST_F(RunningAccessTest, ATenantSeesNobodyOfAnother) {
  auto question = to_invoices();
  question.all = true;
  const auto all = access.ask(desk.as_operator(), question);
  ASSERT_TRUE(all);
  EXPECT_THAT(all->dump(), HasSubstr("of-south"));
  desk.policies = enforce::testing::compiled(
      R"(@id("north") permit (principal == Writ::Service::"north-console", action, resource);)");
  const auto token = desk.own_token("north-console", "north-console");
  const auto seen = access.ask(desk.as(token), question);
  ASSERT_TRUE(seen) << word(seen);
  EXPECT_THAT(seen->dump(), Not(HasSubstr("of-south")));
  EXPECT_THAT(seen->dump(), Not(HasSubstr("any-other-user")));
  EXPECT_EQ(word(access.ask(desk.as(token), of("of-south"))), "not_found");
  EXPECT_EQ(word(access.ask(desk.as(token), of("of-north"))), "done");
}

}  // namespace
}  // namespace writ::simulate
