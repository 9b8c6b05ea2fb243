#include "policytest/mutate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/parse.h"
#include "cedar/print.h"

namespace writ::policytest::mutate_test {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> changes_of(std::string_view text) {
  const auto policies = *cedar::parse_policies(text);
  std::vector<std::string> changes;
  for (const Mutant& mutant : mutants_of(policies.policies.at(0))) changes.push_back(mutant.change);
  return changes;
}

TEST(Mutants, OfAPolicyWithoutScopeAndConditions) {
  EXPECT_THAT(changes_of("permit (principal, action, resource);"),
              ElementsAre("delete the policy", "flip the effect"));
}

TEST(Mutants, OfEachPartOfTheScope) {
  EXPECT_THAT(changes_of("forbid (principal is A, action == Action::\"x\", resource in B::\"y\");"),
              ElementsAre("delete the policy", "flip the effect", "widen the principal to all",
                          "widen the action to all", "widen the resource to all"));
}

TEST(Mutants, OfEachClauseAndOfEachConditionInside) {
  EXPECT_THAT(changes_of("permit (principal, action, resource) when { context.a && !(context.b || context.c) "
                         "} unless { context.d };"),
              ElementsAre("delete the policy", "flip the effect",
                          "delete `when { context.a && !(context.b || context.c) }`",
                          "negate `when { context.a && !(context.b || context.c) }`", "delete `context.a`",
                          "negate `context.a`", "delete `!(context.b || context.c)`",
                          "negate `!(context.b || context.c)`", "delete `context.b`", "negate `context.b`",
                          "delete `context.c`", "negate `context.c`", "delete `unless { context.d }`",
                          "negate `unless { context.d }`"));
}

TEST(Mutants, OfAnIfIsNoBranchDeleted) {
  EXPECT_THAT(
      changes_of("permit (principal, action, resource) when { if context.a then context.b else context.c };"),
      ElementsAre("delete the policy", "flip the effect",
                  "delete `when { if context.a then context.b else context.c }`",
                  "negate `when { if context.a then context.b else context.c }`", "negate `context.a`",
                  "negate `context.b`", "negate `context.c`"));
}

TEST(Mutants, NoneIsTheOriginalOrAnother) {
  const auto policies = *cedar::parse_policies(
      "permit (principal is A, action in [Action::\"x\", Action::\"y\"], resource == B::\"y\")\n"
      "when { context.a && (context.b || !context.c) && (if context.d then context.e else context.f) } "
      "unless { context.a };");
  const auto& original = policies.policies[0];
  std::vector<cedar::Policy> seen{original};
  for (const Mutant& mutant : mutants_of(original)) {
    if (!mutant.policy) continue;
    for (const auto& other : seen) EXPECT_FALSE(mutant.policy->same_as(other)) << mutant.change;
    seen.push_back(*mutant.policy);
    // And it is a policy.
    EXPECT_TRUE(cedar::parse_policies(cedar::print_policy(*mutant.policy))) << mutant.change;
  }
}

TEST(Mutants, APlaceIsThatOfWhatIsChanged) {
  const std::string_view text = "permit (principal, action, resource)\nwhen { context.a && context.b };";
  const auto policies = *cedar::parse_policies(text);
  for (const Mutant& mutant : mutants_of(policies.policies[0])) {
    if (mutant.change == "delete `context.b`") {
      EXPECT_EQ(text.substr(mutant.span.begin, mutant.span.end - mutant.span.begin), "context.b");
    }
  }
}

}  // namespace
}  // namespace writ::policytest::mutate_test
