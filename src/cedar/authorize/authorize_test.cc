#include "cedar/authorize.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <vector>

#include "base/testing/folders.h"
#include "cedar/compile.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "cedar/plan/evaluate.h"
#include "cedar/plan/plan.h"
#include "codec/json.h"

namespace writ::cedar::authorize_test {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<const CompiledPolicySet> compiled(std::string_view text) {
  const auto policies = parse_policies(text);
  if (!policies) {
    ADD_FAILURE() << text << "\n" << policies.error().front().message;
    return nullptr;
  }
  auto set = CompiledPolicySet::compile(*policies);
  if (!set) ADD_FAILURE() << set.error().message;
  return set ? *set : nullptr;
}

// A small world: nora of the group staff, below all; an invoice in a folder; the ghost that is not stored.
class Authorize : public ::testing::Test {
 protected:
  void SetUp() override {
    entities_ = *entities_from_json(R"([
      {"uid": {"type": "User", "id": "nora"}, "attrs": {"tenant": "north"},
       "parents": [{"type": "Group", "id": "staff"}]},
      {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": [{"type": "Group", "id": "all"}]},
      {"uid": {"type": "Invoice", "id": "17"}, "attrs": {"tenant": "north"},
       "parents": [{"type": "Folder", "id": "2024"}]},
      {"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": [{"type": "Action", "id": "any"}]}])");
  }

  Request request(std::string_view user = "nora") {
    return {arena_.entity("User", user), arena_.entity("Action", "read"), arena_.entity("Invoice", "17"),
            context_};
  }

  const Evaluation& ask(std::string_view policies, std::string_view user = "nora") {
    policies_ = compiled(policies);
    authorize(*policies_, request(user), *entities_, evaluation_);
    return evaluation_;
  }
  std::vector<std::string> reason() const { return ids(evaluation_.reason()); }
  std::vector<std::string> errors() const {
    std::vector<std::string> out;
    for (const PolicyError& error : evaluation_.errors()) out.emplace_back(policies_->id(error.policy));
    return out;
  }
  std::vector<std::string> ids(std::span<const PolicyIndex> policies) const {
    std::vector<std::string> out;
    for (const PolicyIndex policy : policies) out.emplace_back(policies_->id(policy));
    return out;
  }

  Arena arena_;
  Value context_ = make_record(arena_, {{"purpose", make_string(arena_, "support")}});
  std::shared_ptr<const Entities> entities_;
  std::shared_ptr<const CompiledPolicySet> policies_;
  Evaluation evaluation_;
};

TEST_F(Authorize, NothingPermitsIsADeny) {
  EXPECT_FALSE(ask("").allowed());
  EXPECT_THAT(reason(), IsEmpty());
  EXPECT_FALSE(ask("permit(principal == User::\"other\", action, resource);").allowed());
}

TEST_F(Authorize, APermitAllowsAndIsTheReason) {
  EXPECT_TRUE(
      ask("permit(principal, action, resource); permit(principal is Group, action, resource);").allowed());
  EXPECT_THAT(reason(), ElementsAre("policy0"));
}

TEST_F(Authorize, AForbidOverridesAndIsTheOnlyReason) {
  EXPECT_FALSE(ask("permit(principal, action, resource); forbid(principal, action, resource);").allowed());
  EXPECT_THAT(reason(), ElementsAre("policy1"));
  EXPECT_THAT(ids(evaluation_.satisfied_permits()), ElementsAre("policy0"));
}

TEST_F(Authorize, AFailingPolicyIsSkippedAndReported) {
  EXPECT_TRUE(ask("permit(principal, action, resource);"
                  "permit(principal, action, resource) when { context.gone };"
                  "forbid(principal, action, resource) when { context.gone == 2 };")
                  .allowed());
  EXPECT_THAT(reason(), ElementsAre("policy0"));
  EXPECT_THAT(errors(), ElementsAre("policy1", "policy2"));
  EXPECT_EQ(evaluation_.errors()[1].kind(), EvalErrorKind::kMissingAttribute);
  EXPECT_EQ(missing_path(*policies_, evaluation_.errors()[1]), "context.gone");
  EXPECT_THAT(error_message(*policies_, evaluation_.errors()[1]), HasSubstr("`gone`"));
}

TEST_F(Authorize, AConditionMustBeABoolean) {
  EXPECT_FALSE(ask("permit(principal, action, resource) when { 1 };").allowed());
  EXPECT_THAT(errors(), ElementsAre("policy0"));
  EXPECT_FALSE(ask("permit(principal, action, resource) unless { 1 };").allowed());
  EXPECT_THAT(errors(), ElementsAre("policy0"));
}

TEST_F(Authorize, ConditionsAreTriedInTheirOrder) {
  EXPECT_FALSE(ask("permit(principal, action, resource) when { false } when { context.gone };").allowed());
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_FALSE(ask("permit(principal, action, resource) unless { context.gone } when { false };").allowed());
  EXPECT_THAT(errors(), ElementsAre("policy0"));
}

TEST_F(Authorize, AScopeThatDoesNotMatchIsNoError) {
  ask("permit(principal == User::\"other\", action, resource) when { context.gone };");
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(Authorize, EveryScopeRuleMatchesAsItSays) {
  const std::vector<std::pair<std::string_view, bool>> scopes{
      {"principal == User::\"nora\", action, resource", true},
      {"principal == User::\"norah\", action, resource", false},
      {"principal == Group::\"staff\", action, resource", false},
      {"principal in Group::\"all\", action, resource", true},
      {"principal in User::\"nora\", action, resource", true},
      {"principal in Group::\"other\", action, resource", false},
      {"principal is User, action, resource", true},
      {"principal is Group, action, resource", false},
      {"principal is User in Group::\"staff\", action, resource", true},
      {"principal is Group in Group::\"staff\", action, resource", false},
      {"principal is User in Group::\"other\", action, resource", false},
      {"principal, action == Action::\"read\", resource", true},
      {"principal, action == Action::\"any\", resource", false},
      {"principal, action in Action::\"any\", resource", true},
      {"principal, action in [Action::\"write\", Action::\"any\", Action::\"read\"], resource", true},
      {"principal, action in [Action::\"write\"], resource", false},
      {"principal, action in [], resource", false},
      {"principal, action, resource == Invoice::\"17\"", true},
      {"principal, action, resource in Folder::\"2024\"", true},
      {"principal, action, resource in Folder::\"2023\"", false},
      {"principal, action, resource is Invoice in Folder::\"2024\"", true},
      {"principal is User, action == Action::\"read\", resource is Invoice", true},
      {"principal in Group::\"all\", action in Action::\"any\", resource in Folder::\"2023\"", false}};
  std::string all;
  for (const auto& [scope, matches] : scopes) {
    const std::string policy = fmt::format("permit({});", scope);
    EXPECT_EQ(ask(policy).allowed(), matches) << policy;
    all += policy;
  }
  // And all of them together, each under its own key of the index.
  ask(all);
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (scopes[i].second) expected.push_back(fmt::format("policy{}", i));
  }
  EXPECT_EQ(reason(), expected);
}

TEST_F(Authorize, APolicyWithManyActionsCountsOnce) {
  ask("permit(principal, action in [Action::\"read\", Action::\"any\"], resource);"
      "forbid(principal, action in [Action::\"read\", Action::\"any\"], resource) when { context.gone };");
  EXPECT_THAT(reason(), ElementsAre("policy0"));
  EXPECT_THAT(errors(), ElementsAre("policy1"));
}

TEST_F(Authorize, UnknownEntitiesMatchByNameOnly) {
  EXPECT_TRUE(ask("permit(principal == User::\"ghost\", action, resource);", "ghost").allowed());
  EXPECT_TRUE(ask("permit(principal is User, action, resource);", "ghost").allowed());
  EXPECT_FALSE(ask("permit(principal in Group::\"all\", action, resource);", "ghost").allowed());
  ask("permit(principal, action, resource) when { principal.tenant == \"north\" };", "ghost");
  ASSERT_THAT(errors(), ElementsAre("policy0"));
  EXPECT_EQ(evaluation_.errors()[0].kind(), EvalErrorKind::kMissingEntity);
  EXPECT_EQ(missing_path(*policies_, evaluation_.errors()[0]), "principal");
  EXPECT_EQ(error_message(*policies_, evaluation_.errors()[0]),
            "entity `User::\"ghost\"` does not exist (`principal`)");
}

TEST_F(Authorize, AnOverlayIsSeenByScopesAndConditions) {
  policies_ = compiled(
      "permit(principal in Group::\"staff\", action, resource) when { principal.tenant == \"south\" };");
  Overlay overlay(*entities_);
  const std::vector<EntityRef> parents{arena_.entity("Group", "staff")};
  ASSERT_TRUE(overlay.add(arena_, arena_.entity("User", "ghost"),
                          make_record(arena_, {{"tenant", make_string(arena_, "south")}}), parents));
  authorize(*policies_, request("ghost"), overlay, evaluation_);
  EXPECT_TRUE(evaluation_.allowed());
  authorize(*policies_, request("ghost"), *entities_, evaluation_);
  EXPECT_FALSE(evaluation_.allowed());
}

TEST_F(Authorize, AnnotationsAndIdsAreFoundByPolicy) {
  policies_ = compiled(
      "@id(\"first\") @reason(\"why not\") permit(principal, action, resource);"
      "forbid(principal, action, resource);");
  ASSERT_EQ(policies_->size(), 2U);
  EXPECT_EQ(policies_->annotation(0, "id"), "first");
  EXPECT_EQ(policies_->annotation(0, "reason"), "why not");
  EXPECT_EQ(policies_->annotation(1, "id"), std::nullopt);
  EXPECT_TRUE(policies_->forbids(1));
  EXPECT_EQ(policies_->find("policy1"), PolicyIndex{1});
  EXPECT_EQ(policies_->find("policy2"), std::nullopt);
}

TEST_F(Authorize, LooksOnlyAtPoliciesThatCanMatch) {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += fmt::format(
        "permit(principal == User::\"u{0}\", action == Action::\"read\", resource in Folder::\"2024\");"
        "forbid(principal in Group::\"g{0}\", action, resource);"
        "permit(principal, action in [Action::\"a{0}\", Action::\"b{0}\"], resource is Invoice);",
        i);
  }
  text += "permit(principal == User::\"nora\", action, resource);";
  EXPECT_TRUE(ask(text).allowed());
  EXPECT_EQ(evaluation_.policies_considered(), 1U);
}

TEST_F(Authorize, ConstantConditionsAreFolded) {
  policies_ = compiled(
      "permit(principal, action, resource) when"
      "{ [1 + 2, 3].contains(3) && ip(\"10.0.0.1\").isInRange(ip(\"10.0.0.0/8\")) };");
  // The constant, and the chain of conditions that it is the only member of.
  EXPECT_LE(policies_->plan().nodes.size(), 2U);
  authorize(*policies_, request(), *entities_, evaluation_);
  EXPECT_TRUE(evaluation_.allowed());
}

TEST_F(Authorize, ALongChainIsNotADeepOne) {
  std::string condition = "context.purpose == \"support\"";
  for (int i = 0; i < 5000; ++i) condition += " && context.purpose != \"other\"";
  EXPECT_TRUE(ask(fmt::format("permit(principal, action, resource) when {{ {} }};", condition)).allowed());
}

// tests/cases/cedar/evaluate.json
TEST(EvaluateCases, EveryExpressionEvaluatesAsItSays) {
  std::ifstream in(source_path("/tests/cases/cedar/evaluate.json"));
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto file = codec::parse_json(text);
  ASSERT_TRUE(file.has_value());
  EntitiesBuilder builder;
  ASSERT_TRUE(add_entities(builder, *file->find("entities")));
  const auto entities = *std::move(builder).build();
  Arena arena;
  const auto subject = [&](std::string_view name) {
    const EntityRef uid = *entity_from_json(arena, *file->find(name));
    return ScopeSubject{uid, entities->find(uid)};
  };
  const RequestScope scope{{subject("principal"), subject("action"), subject("resource")}};
  const Value context = *record_from_json(arena, *file->find("context"));

  for (const Json& entry : *file->find("cases")->if_array()) {
    const std::string& expression = *(*entry.if_array())[0].if_string();
    const std::string& expected = *(*entry.if_array())[1].if_string();
    const auto policies =
        compiled(fmt::format("permit(principal, action, resource) when {{ {} }};", expression));
    ASSERT_NE(policies, nullptr) << expression;
    const Plan& plan = policies->plan();
    Arena scratch;
    const EntityView view(*entities);
    Machine machine(plan, scope, context, view, scratch);
    // The condition is a chain of one, which wants a boolean; the expression itself is its operand.
    NodeIndex node = plan.conditions[0];
    if (plan.nodes[node].op == Op::kAnd && plan.nodes[node].b == 1) node = plan.operands[plan.nodes[node].a];
    Value value = Value::boolean(false);
    std::string got;
    if (machine.evaluate(node, value)) {
      got = value.to_string();
    } else {
      const PolicyError error{0, machine.failed_at(), machine.failure()};
      const std::string path = missing_path(*policies, error);
      got = fmt::format("error {}{}{}", eval_error_code(error.kind()), path.empty() ? "" : " ", path);
      EXPECT_FALSE(error_message(*policies, error).empty());
    }
    EXPECT_EQ(got, expected) << expression;
  }
}

}  // namespace
}  // namespace writ::cedar::authorize_test
