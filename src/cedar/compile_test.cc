#include "cedar/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/ast.h"
#include "cedar/authorize.h"
#include "cedar/parse.h"

namespace writ::cedar {
namespace {

using ::testing::HasSubstr;

PolicySet parsed(std::string_view text) {
  auto set = parse_policies(text);
  if (set) return *std::move(set);
  ADD_FAILURE() << text << "\n" << set.error().front().message;
  return {};
}

// What compile() complains of; empty when it does not.
std::string complaint(const PolicySet& policies) {
  const auto compiled = CompiledPolicySet::compile(policies);
  return compiled ? "" : compiled.error().message;
}

TEST(Compile, IdsAreUniqueOverPoliciesTemplatesAndLinks) {
  const PolicySet set = parsed(
      "permit(principal == ?principal, action, resource);"
      "forbid(principal, action, resource);");
  const EntityUid nora{"User", "nora"};
  const auto linked_as = [&](std::string id) {
    PolicySet linked = set;
    linked.links.push_back({"policy0", std::move(id), nora, {}});
    return linked;
  };
  EXPECT_EQ(complaint(linked_as("for nora")), "");
  EXPECT_EQ(complaint(linked_as("policy0")), "a policy and a template have the id `policy0`");
  EXPECT_EQ(complaint(linked_as("policy1")), "two policies have the id `policy1`");
  PolicySet twice = linked_as("for nora");
  twice.links.push_back(twice.links.front());
  EXPECT_EQ(complaint(twice), "two policies have the id `for nora`");
  PolicySet shared = set;
  shared.policies.front().id = "policy0";
  EXPECT_EQ(complaint(shared), "a policy and a template have the id `policy0`");
}

TEST(Compile, ALinkFillsEverySlotAndNoOther) {
  PolicySet set = parsed("permit(principal == ?principal, action, resource);");
  set.links.push_back({"policy0", "l", {}, {}});
  EXPECT_THAT(complaint(set), HasSubstr("needs an entity for the slot `?principal`"));
  set.links = {{"policy0", "l", EntityUid{"User", "nora"}, EntityUid{"Invoice", "17"}}};
  EXPECT_THAT(complaint(set), HasSubstr("has no slot `?resource`"));
  set.links = {{"policy7", "l", EntityUid{"User", "nora"}, {}}};
  EXPECT_THAT(complaint(set), HasSubstr("unknown template `policy7`"));
}

TEST(Compile, FieldsAreEvaluatedInTheOrderOfTheirNames) {
  const auto policies = CompiledPolicySet::compile(
      parsed("permit(principal, action, resource) when { {b: context.missing, a: -\"text\"} == {} };"));
  ASSERT_TRUE(policies.has_value());
  Arena arena;
  const Request request{arena.entity("User", "u"), arena.entity("Action", "a"), arena.entity("Doc", "d"),
                        Value::record(empty_record())};
  Evaluation evaluation;
  authorize(**policies, request, *Entities::empty(), evaluation);
  ASSERT_EQ(evaluation.errors().size(), 1U);
  EXPECT_EQ(evaluation.errors().front().kind(), EvalErrorKind::kType);
}

}  // namespace
}  // namespace writ::cedar
