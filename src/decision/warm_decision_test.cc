// A warm decision allocates nothing: neither its context nor its answer, for a user and an application, and
// for an agent inside a task.
#include <gtest/gtest.h>

#include "base/testing/allocations.h"
#include "base/testing/folders.h"
#include "decision/shadow.h"
#include "decision/testing/world.h"

namespace writ::decision::warm_decision_test {
namespace {

using codec::Json;

class WarmDecision : public ::testing::Test {
 protected:
  const std::string root_ = source_path();
  const Json file_ = testing::read_json(root_ + "/tests/cases/decision/acme.json");
  testing::World world_{*file_.find("world"), root_};

  // Allocations of the second of two equal questions.
  std::size_t allocations_for(const std::string& token) {
    Json question = *file_.find("defaults");
    question.set("token", codec::parse_json(token).value());
    const testing::Question asked(question, world_.now);
    const auto verified = token::testing::verified(asked.claims, world_.now);
    testing::Asker asker(world_);
    EXPECT_TRUE(asker.ask(verified, asked).permitted());
    bool permitted = false;
    const auto count =
        writ::testing::allocations_of([&] { permitted = asker.ask(verified, asked).permitted(); });
    EXPECT_TRUE(permitted);
    return count;
  }
};

TEST_F(WarmDecision, AllocatesNothingForAUserAndAnApplication) {
  EXPECT_EQ(allocations_for(R"({"sub":"nora","client_id":"support-portal","purpose":"support"})"), 0u);
}

TEST_F(WarmDecision, AllocatesNothingWithCalendarsInForce) {
  world_.policies.calendars = std::make_shared<const context::Calendars>(
      std::vector<context::Calendar>{{"freeze", {{world_.now, world_.now + std::chrono::hours(1)}}, {}},
                                     {"week", {}, {{Duration(0), std::chrono::days(7)}}}});
  EXPECT_EQ(allocations_for(R"({"sub":"nora","client_id":"support-portal","purpose":"support"})"), 0u);
}

TEST_F(WarmDecision, AllocatesNothingForAnAgentInsideATask) {
  EXPECT_EQ(allocations_for(R"({"sub":"nora","client_id":"support-agent","purpose":"support","task":"t-live",
                                "act":["support-agent","support-portal"]})"),
            0u);
}

TEST_F(WarmDecision, AllocatesNothingForShadowPoliciesEither) {
  auto policies = world_.policies;
  policies.with_shadows = std::make_shared<const PolicySnapshot>(world_.policies);
  Json question = *file_.find("defaults");
  const testing::Question asked(question, world_.now);
  const auto verified = token::testing::verified(asked.claims, world_.now);
  testing::Asker asker(world_);
  ASSERT_TRUE(asker.ask(verified, asked).permitted());
  Workspace workspace;
  ASSERT_TRUE(decide_with_shadows(policies, asker.context(), workspace)->permitted());
  const auto count = writ::testing::allocations_of(
      [&] { static_cast<void>(decide_with_shadows(policies, asker.context(), workspace)); });
  EXPECT_EQ(count, 0u);
}

}  // namespace
}  // namespace writ::decision::warm_decision_test
