// Shadow policies at an enforcement point: recorded, and without any effect.
#include "decision/shadow.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gateway/testing/world.h"

namespace writ::gateway::shadow_test {
namespace {

using testing::request;
using testing::World;

class ShadowTest : public ::testing::Test {
 protected:
  // Lays shadow policies beside those in force, as the loader does.
  void shadow(std::string_view text) {
    auto snapshot = std::make_shared<decision::PolicySnapshot>(*testing::compiled(testing::kPolicies));
    snapshot->with_shadows = testing::compiled(std::string(testing::kPolicies) + std::string(text));
    world.policies = std::move(snapshot);
  }
  std::string last(std::string_view name) const {
    const auto lines = world.audit.lines();
    const auto* value = lines.back().find(name);
    if (value == nullptr) return {};
    return value->if_string() != nullptr ? *value->if_string() : value->dump();
  }

  World world;
};

TEST_F(ShadowTest, AForbidDoesNotRefuseAndTheRecordSaysItWould) {
  shadow(
      R"(@id("night") @shadow("to see who works late") forbid (principal is Writ::User, action, resource);)");
  EXPECT_EQ(world.outcome(world.token()), "permit");
  EXPECT_EQ(last("effect"), "permit");
  EXPECT_EQ(last("shadow_effect"), "deny");
  EXPECT_EQ(last("shadow_reason"), "policy_forbid");
  EXPECT_EQ(last("shadow_party"), R"(Writ::User::"nora")");
  EXPECT_EQ(last("shadow_policies"), R"(["night"])");
  EXPECT_EQ(last("policies"), R"(["users","portal"])");
}

TEST_F(ShadowTest, APermitPermitsNothingAndTheRecordSaysItWould) {
  shadow(R"(@id("anybody") @shadow permit (principal is Writ::Application, action, resource);)");
  auto claims = world.claims();
  claims.purpose = std::nullopt;
  EXPECT_EQ(world.outcome(world.token(claims)), "403 policy_no_permit");
  EXPECT_EQ(last("effect"), "deny");
  EXPECT_EQ(last("shadow_effect"), "permit");
  EXPECT_EQ(last("shadow_policies"), R"(["anybody"])") << "and not those that decide anyway";
  EXPECT_EQ(last("shadow_reason"), "");
}

TEST_F(ShadowTest, AForbidThatCannotBeEvaluatedDoesNotRefuse) {
  shadow(R"(@id("odd") @shadow forbid (principal, action, resource) when { context.nowhere == 1 };)");
  EXPECT_EQ(world.outcome(world.token()), "permit");
  EXPECT_EQ(last("shadow_effect"), "deny");
  EXPECT_EQ(last("shadow_reason"), "context_missing");
  EXPECT_EQ(last("shadow_policies"), R"(["odd"])");
  shadow(
      R"(@id("odd") @shadow forbid (principal, action, resource) when { 9223372036854775807 + context.chain.depth + 1 > 0 };)");
  EXPECT_EQ(world.outcome(world.token()), "permit");
  EXPECT_EQ(last("shadow_effect"), "indeterminate");
}

TEST_F(ShadowTest, APermitThatCannotBeEvaluatedChangesNoReason) {
  auto claims = world.claims();
  claims.client_id = "marketing-app";
  const auto without = world.outcome(world.token(claims));
  shadow(R"(@id("odd") @shadow permit (principal, action, resource) when { context.nowhere == 1 };)");
  EXPECT_EQ(world.outcome(world.token(claims)), without);
  EXPECT_EQ(last("reason"), "policy_no_permit");
  EXPECT_EQ(last("shadow_effect"), "deny");
  EXPECT_EQ(last("shadow_reason"), "") << "the effect would be the same";
}

TEST_F(ShadowTest, WhereNothingWouldChangeTheRecordSaysThatTheyWereAsked) {
  shadow(R"(@id("never") @shadow forbid (principal, action, resource == Billing::Invoice::"inv-9");)");
  EXPECT_EQ(world.outcome(world.token()), "permit");
  EXPECT_EQ(last("shadow_effect"), "permit");
  EXPECT_EQ(last("shadow_policies"), "");
}

TEST_F(ShadowTest, NoGuardIsShadowed) {
  shadow(R"(@id("all") @shadow permit (principal, action, resource);)");
  const auto task = world.open_task();
  const auto token = world.token(world.claims_in(*task));
  ASSERT_TRUE(world.tasks.end("task-1").has_value());
  EXPECT_EQ(world.outcome(token), "403 task_ended");
  EXPECT_EQ(last("shadow_effect"), "deny");
}

TEST_F(ShadowTest, TheLastCallOfABudgetIsNoDifference) {
  shadow(R"(@id("never") @shadow forbid (principal, action, resource == Billing::Invoice::"inv-9");)");
  const auto task = world.open_task(1);
  const auto token = world.token(world.claims_in(*task));
  EXPECT_EQ(world.outcome(token), "permit");
  EXPECT_EQ(last("shadow_effect"), "permit");
  EXPECT_EQ(world.outcome(token), "403 budget_exceeded");
  EXPECT_EQ(last("shadow_effect"), "deny");
}

TEST_F(ShadowTest, WithoutShadowPoliciesARecordSaysNothingOfThem) {
  EXPECT_EQ(world.outcome(world.token()), "permit");
  EXPECT_EQ(last("shadow_effect"), "");
}

// Whatever stands in the shadow, outcome and reason are those of the policies in force.
TEST_F(ShadowTest, NoShadowPolicyEverChangesADecision) {
  const auto task = world.open_task();
  auto without_purpose = world.claims();
  without_purpose.purpose = std::nullopt;
  auto marketing = world.claims();
  marketing.client_id = "marketing-app";
  const std::string tokens[] = {world.token(), world.token(without_purpose), world.token(marketing),
                                world.token(world.claims_in(*task)), ""};
  const auto outcomes = [&] {
    std::vector<std::string> all;
    for (const auto& token : tokens) {
      for (const auto* action : {"read", "refund"})
        for (const auto* invoice : {"inv-1", "sealed"}) all.push_back(world.outcome(token, action, invoice));
    }
    return all;
  };
  const auto expected = outcomes();
  for (const auto* effect : {"permit", "forbid"}) {
    for (const auto* scope : {"principal", "principal is Writ::User", "principal is Writ::Agent"}) {
      for (const auto* condition :
           {"", "when { context.nowhere }", "when { context.chain.depth + 9223372036854775807 + 1 > 0 }",
            "unless { context has purpose }", "when { principal.nothing == 1 }"}) {
        const auto text =
            fmt::format("@id(\"s\") @shadow {} ({}, action, resource) {};", effect, scope, condition);
        shadow(text);
        EXPECT_EQ(outcomes(), expected) << text;
      }
    }
  }
}

}  // namespace
}  // namespace writ::gateway::shadow_test
