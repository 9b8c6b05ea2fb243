// /v1/access without HTTP: who may ask, what is recorded, and what one tenant sees of another.
#include "simulate/running_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/desk.h"

namespace writ::simulate::running_access_test {
namespace {

using control::AccessQuestion;
using control::testing::word;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = AccessQuestion::Kind;

// What is in force; and what the files say, where a test makes that another world.
class Worlds final : public control::AccessWorlds {
 public:
  explicit Worlds(const enforce::Current& current) : current_(current) {}
  Result<control::AccessWorld> world(std::string_view name) const override {
    const auto now = current_.get();
    control::AccessWorld side{now->inventory, now->policies, now->pushed};
    if (name == control::kWorldOfFiles) {
      if (policies != nullptr) side.policies = policies;
      if (inventory != nullptr) side.inventory = inventory;
      side.public_routes = public_routes;
    } else if (name != control::kWorldInForce) {
      return failure(ErrorCode::kNotFound, "no such revision");
    }
    return side;
  }

  std::shared_ptr<const decision::PolicySnapshot> policies;
  std::shared_ptr<const inventory::Snapshot> inventory;
  std::vector<control::AccessWorld::PublicRoute> public_routes;

 private:
  const enforce::Current& current_;
};

std::string policies_with(std::string_view more) {
  return std::string(control::testing::kOperators) + std::string(more);
}

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

  static AccessQuestion diff(std::string to = "files") {
    return {.kind = Kind::kDiff,
            .id = {},
            .api = {},
            .action = {},
            .resource = {},
            .reads = {},
            .from = "in_force",
            .to = std::move(to)};
  }
  // What the change of policies does, as each chain with what becomes of it.
  std::vector<std::string> changes(const codec::Json& told) {
    std::vector<std::string> all;
    for (const auto& each : *told.find("changes")->if_array())
      all.push_back(each.find("chain")->dump() + " " + *each.find_string("change") + " " +
                    *each.find_string("target"));
    return all;
  }

  control::testing::Desk desk;
  Worlds worlds{desk.current};
  const RunningAccess answers;
  const control::Access access{desk.authority, worlds, answers};
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

TEST_F(RunningAccessTest, WhatTheFilesWouldTakeIsToldByIdentity) {
  worlds.policies = enforce::testing::compiled(policies_with(""));
  const auto told = access.ask(desk.as_operator(), diff());
  ASSERT_TRUE(told) << word(told);
  EXPECT_THAT(*desk.audit.lines().back().find_string("detail"), HasSubstr("files"));
  ASSERT_FALSE(changes(*told).empty());
  for (const auto& each : changes(*told)) EXPECT_THAT(each, HasSubstr(" taken "));
  EXPECT_EQ(0, *told->find("counts")->find("given")->if_int());
  EXPECT_THAT(told->find("identities")->dump(), HasSubstr("marketing-app"));
}

TEST_F(RunningAccessTest, WithoutAChangeNothingIsGivenOrTaken) {
  const auto told = access.ask(desk.as_operator(), diff());
  ASSERT_TRUE(told) << word(told);
  EXPECT_TRUE(changes(*told).empty());
  EXPECT_EQ(nullptr, told->find("open_to_all"));
  EXPECT_FALSE(*told->find("more")->if_bool());
}

TEST_F(RunningAccessTest, ChangesGoOnPageByPage) {
  worlds.policies = enforce::testing::compiled(policies_with(""));
  const auto whole = access.ask(desk.as_operator(), diff());
  ASSERT_TRUE(whole);
  const auto all = changes(*whole);
  ASSERT_GT(all.size(), 1u);
  auto question = diff();
  question.limit = 1;
  std::vector<std::string> paged;
  for (;;) {
    const auto page = access.ask(desk.as_operator(), question);
    ASSERT_TRUE(page) << word(page);
    ASSERT_EQ(1u, changes(*page).size());
    paged.push_back(changes(*page).front());
    EXPECT_EQ(whole->find("counts")->dump(), page->find("counts")->dump());
    if (page->find_string("next") == nullptr) break;
    question.after = *page->find_string("next");
  }
  EXPECT_EQ(all, paged);
  question.to = "in_force";
  question.after = "0123456789abcdef.1";
  EXPECT_EQ(word(access.ask(desk.as_operator(), question)), "conflict");
}

TEST_F(RunningAccessTest, ARouteThatBecomesPublicIsGivenToAnybody) {
  worlds.public_routes.push_back({"invoices", "GET", "/invoices"});
  const auto told = access.ask(desk.as_operator(), diff());
  ASSERT_TRUE(told) << word(told);
  ASSERT_NE(nullptr, told->find("open_to_all"));
  EXPECT_THAT(told->find("open_to_all")->find("given")->dump(), HasSubstr("/invoices"));
  EXPECT_TRUE(told->find("open_to_all")->find("taken")->find("public_routes")->if_array()->empty());
}

TEST_F(RunningAccessTest, ATenantSeesNoChangeOfAnotherAndNobodyWhoMovesThere) {
  const auto north =
      R"(@id("north") permit (principal == Writ::Service::"north-console", action, resource);)";
  desk.policies = enforce::testing::compiled(
      std::string(north) + "@id(\"all\") permit (principal, action, resource is Billing::Invoice);");
  worlds.policies = enforce::testing::compiled(north);
  const auto token = desk.own_token("north-console", "north-console");
  const auto told = access.ask(desk.as(token), diff());
  ASSERT_TRUE(told) << word(told);
  EXPECT_THAT(told->dump(), HasSubstr("of-north"));
  EXPECT_THAT(told->dump(), Not(HasSubstr("of-south")));
  // Whoever is of another tenant afterwards is left out: it would look as if all were taken.
  auto moved = desk.directory.snapshot()->find("of-north")->identity();
  moved.tenant = "south";
  worlds.inventory = desk.directory.snapshot()->with({std::move(moved)}, {}).value();
  const auto after = access.ask(desk.as(token), diff());
  ASSERT_TRUE(after) << word(after);
  EXPECT_THAT(after->dump(), Not(HasSubstr("of-north")));
}

TEST_F(RunningAccessTest, AWorldThatIsNotThereIsNotFound) {
  EXPECT_EQ(word(access.ask(desk.as_operator(), diff("0123456789abcdef"))), "not_found");
}

}  // namespace
}  // namespace writ::simulate::running_access_test
