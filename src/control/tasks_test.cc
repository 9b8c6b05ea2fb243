#include "control/tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/desk.h"

namespace writ::control::tasks_test {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using testing::word;
using namespace std::chrono_literals;

class TasksTest : public ::testing::Test {
 protected:
  static Json wanted(std::string_view more = "") {
    return codec::parse_json(R"({"purpose":"support","subject":"nora","client":"marketing-app",
      "actions":["Billing::Action::\"read\""],"resources":["Billing::Invoice::*"],"expires_in_seconds":600)" +
                             std::string(more) + "}")
        .value();
  }
  std::string opened(std::string_view more = "") {
    const auto seen = tasks.open(desk.as_operator(), wanted(more));
    EXPECT_TRUE(seen) << word(seen);
    return seen ? (*seen->live)->id : "";
  }
  task::State state(const std::string& id) { return desk.tasks.find(id)->standing(); }

  testing::Desk desk;
  const Tasks tasks{desk.authority, desk.current, desk.tasks};
};

TEST_F(TasksTest, IsRecordedBeforeItIsThere) {
  opened();
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "task.opened"));
}

TEST_F(TasksTest, WithoutItsRecordThereIsNone) {
  const auto caller = desk.as_operator();
  desk.audit.broken = true;
  EXPECT_EQ(word(tasks.open(caller, wanted())), "not_recorded");
  EXPECT_EQ(desk.tasks.size(), 0u);
}

TEST_F(TasksTest, WhoMayOnlyAskGetsOneThatWaits) {
  const auto token = desk.own_token("marketing-app", "marketing-app");
  const auto seen = tasks.open(desk.as(token), wanted());
  ASSERT_TRUE(seen) << word(seen);
  EXPECT_EQ(seen->live->standing(), task::State::kRequested);
}

TEST_F(TasksTest, WhatNobodyKnowsIsRefusedByName) {
  EXPECT_EQ(word(tasks.open(desk.as_operator(), wanted(R"(,"agents":["nobody"])"))), "invalid");
  EXPECT_EQ(desk.tasks.size(), 0u);
}

TEST_F(TasksTest, EndsSuspendsAndComesBackOnlyFromASuspension) {
  const auto id = opened();
  EXPECT_EQ(word(tasks.suspend(desk.as_operator(), id)), "done");
  EXPECT_EQ(state(id), task::State::kSuspended);
  EXPECT_EQ(word(tasks.resume(desk.as_operator(), id)), "done");
  EXPECT_EQ(word(tasks.end(desk.as_operator(), id)), "done");
  EXPECT_EQ(word(tasks.resume(desk.as_operator(), id)), "conflict");
  EXPECT_EQ(state(id), task::State::kEnded);
}

TEST_F(TasksTest, WhoAskedForOneMayEndItAndNothingElse) {
  const auto token = desk.own_token("marketing-app", "marketing-app");
  const auto own = tasks.open(desk.as(token), wanted());
  ASSERT_TRUE(own);
  const auto others = opened();
  EXPECT_EQ(word(tasks.revoke(desk.as(token), (*own->live)->id)), "policy_no_permit");
  EXPECT_EQ(word(tasks.end(desk.as(token), others)), "policy_no_permit");
  EXPECT_EQ(word(tasks.end(desk.as(token), (*own->live)->id)), "done");
  EXPECT_EQ(state(others), task::State::kActive);
}

TEST_F(TasksTest, WhoMayNotSeeOneIsToldThatItIsNotThere) {
  const auto id = opened();
  desk.add({.id = "nightly-export", .kind = inventory::Kind::kService});
  const auto token = desk.own_token("nightly-export", "nightly-export");
  EXPECT_EQ(word(tasks.end(desk.as(token), id)), "not_found");
  EXPECT_EQ(word(tasks.end(desk.as(token), "t-none")), "not_found");
  EXPECT_EQ(state(id), task::State::kActive);
}

TEST_F(TasksTest, APersonApprovesAndAServiceDoesNot) {
  const auto asked = tasks.open(desk.as(desk.own_token("marketing-app", "marketing-app")), wanted());
  ASSERT_TRUE(asked);
  const auto id = (*asked->live)->id;
  EXPECT_EQ(word(tasks.approve(desk.as_operator(), id)), "conflict");
  EXPECT_EQ(word(tasks.approve(desk.as(desk.own_token("sofia", "marketing-app")), id)), "conflict")
      << "it was the app that asked for it";
  EXPECT_EQ(state(id), task::State::kRequested);
}

// What a parent hands down decides whether its sub-task may be opened, so it would tell of a hidden one.
TEST_F(TasksTest, AHiddenParentAnswersAsOneThatIsNotThere) {
  const auto parent = opened(R"(,"tenant":"north")");
  desk.policies = enforce::testing::compiled(std::string(testing::kOperators) + R"(
@id("not-north") forbid (principal == Writ::Application::"marketing-app", action, resource is Writ::Task)
when { resource has tenant && resource.tenant == "north" };)");
  const auto token = desk.own_token("marketing-app", "marketing-app");
  const auto ask = [&](const std::string& id) {
    auto request = wanted();
    request.set("parent", id);
    return word(tasks.open(desk.as(token), request));
  };
  EXPECT_EQ(ask(parent), ask("t-is-not-there"));
}

TEST_F(TasksTest, AListHasPages) {
  for (int i = 0; i < 3; ++i) {
    opened();
    desk.clock.advance(1s);
  }
  Page page{.limit = 2};
  const auto first = tasks.list(desk.as_operator(), page);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->items.size(), 2u);
  ASSERT_TRUE(first->next);
  page.after = first->next;
  const auto second = tasks.list(desk.as_operator(), page);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->items.size(), 1u);
  EXPECT_FALSE(second->next);
}

}  // namespace
}  // namespace writ::control::tasks_test
