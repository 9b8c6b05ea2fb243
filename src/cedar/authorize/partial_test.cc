#include "cedar/partial.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <set>

#include "cedar/authorize.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "cedar/print.h"
#include "cedar/query.h"

namespace writ::cedar::partial_test {
namespace {

std::shared_ptr<const CompiledPolicySet> compiled(std::string_view text) {
  auto policies = parse_policies(text);
  EXPECT_TRUE(policies.has_value()) << (policies ? "" : policies.error().front().message) << "\n" << text;
  return *CompiledPolicySet::compile(*policies);
}

std::shared_ptr<const Entities> world() {
  return *entities_from_json(R"([
    {"uid": {"type": "User", "id": "alice"}, "attrs": {"level": 3, "name": "alice", "tags": ["a", "b"]},
     "parents": [{"type": "Group", "id": "staff"}], "tags": {"team": "red"}},
    {"uid": {"type": "User", "id": "bob"}, "attrs": {"level": 1, "name": "bob", "tags": []}, "parents": []},
    {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Doc", "id": "plan"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "alice"}},
     "level": 2, "public": false}, "parents": [{"type": "Folder", "id": "f"}]},
    {"uid": {"type": "Doc", "id": "memo"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "bob"}},
     "level": 1, "public": true}, "parents": []},
    {"uid": {"type": "Folder", "id": "f"}, "attrs": {}, "parents": []}
  ])");
}

std::string residual_of(std::string_view condition, PartialRequest request) {
  const auto policies =
      compiled("permit(principal, action, resource) when {" + std::string(condition) + "};");
  const auto entities = world();
  const PartialAnswer answer = authorize_partially(*policies, request, *entities);
  switch (answer.decision) {
    case PartialDecision::kAllow:
      return "allow";
    case PartialDecision::kDeny:
      return answer.policies.empty()
                 ? "deny"
                 : "deny: " + print_expression(answer.policies[0].residual.conditions.at(0).body);
    case PartialDecision::kUnknown:
      return print_expression(answer.policies[0].residual.conditions.at(0).body);
  }
  return {};
}

class Partial : public ::testing::Test {
 protected:
  EntityRef uid(std::string_view type, std::string_view id) { return arena.entity(type, id); }
  PartialRequest unknown_resource() {
    return {.principal = uid("User", "alice"), .action = uid("Action", "view"), .context = context};
  }

  Arena arena;
  Value context = make_record(arena, {{"mfa", Value::boolean(true)}, {"n", Value::integer(5)}});
};

TEST_F(Partial, WhatIsKnownIsReplacedByItsValue) {
  EXPECT_EQ(residual_of("resource.owner == principal", unknown_resource()),
            R"(resource.owner == User::"alice")");
  EXPECT_EQ(residual_of("context.mfa && resource.level < principal.level + context.n", unknown_resource()),
            "resource.level < 8");
  EXPECT_EQ(residual_of("principal in Group::\"staff\" || resource.public", unknown_resource()), "allow");
  EXPECT_EQ(residual_of("principal.level > 5 && resource.public", unknown_resource()), "deny");
  EXPECT_EQ(residual_of("if context.mfa then resource.public else principal.nothing", unknown_resource()),
            "resource.public");
  EXPECT_EQ(
      residual_of("resource.level >= 1 && resource.level > 2 && resource.level != 3", unknown_resource()),
      "resource.level >= 1 && resource.level > 2 && resource.level != 3");
}

TEST_F(Partial, WhatMayFailIsKept) {
  // `false` cannot be taken alone: reading the attribute may fail, and then an error is due.
  EXPECT_EQ(residual_of("resource.public && false", unknown_resource()), "deny: resource.public && false");
  EXPECT_EQ(residual_of("resource.public && principal.nothing", unknown_resource()),
            "deny: resource.public && principal.nothing");
  EXPECT_EQ(residual_of("principal.nothing && resource.public", unknown_resource()),
            "deny: principal.nothing");
  EXPECT_EQ(residual_of("(resource.public && true) == true", unknown_resource()),
            "(resource.public && true) == true");
  EXPECT_EQ(residual_of("resource.level + \"a\" == 3", unknown_resource()), "resource.level + \"a\" == 3");
  EXPECT_EQ(residual_of("resource.level + principal.nothing == 3", unknown_resource()),
            "deny: resource.level + principal.nothing == 3");
}

TEST_F(Partial, AKnownTypeDecidesWhatItCan) {
  PartialRequest request = unknown_resource();
  request.resource_type = "Doc";
  EXPECT_EQ(residual_of("resource is Doc", request), "allow");
  EXPECT_EQ(residual_of("resource is Folder", request), "deny");
  EXPECT_EQ(residual_of("resource is Folder in principal.nothing", request), "deny");
  EXPECT_EQ(residual_of("resource is Doc in Folder::\"f\"", request), "resource is Doc in Folder::\"f\"");
  EXPECT_EQ(residual_of("resource == Folder::\"f\"", request), "deny");
  EXPECT_EQ(residual_of("resource == Doc::\"plan\"", request), "resource == Doc::\"plan\"");
  EXPECT_EQ(residual_of("3 == resource", request), "deny");
}

TEST_F(Partial, AnIncompleteContextKeepsOnlyItsUnknownAttributes) {
  PartialRequest request = unknown_resource();
  request.resource = uid("Doc", "plan");
  request.context_complete = false;
  EXPECT_EQ(residual_of("context.mfa && context.n == 5", request), "allow");
  EXPECT_EQ(residual_of("context has mfa", request), "allow");
  EXPECT_EQ(residual_of("context has purpose && context.purpose == \"x\"", request),
            "context has purpose && context.purpose == \"x\"");
  EXPECT_EQ(residual_of("context.ip.isLoopback() || context.mfa", request),
            "context.ip.isLoopback() || true");
}

TEST_F(Partial, TheScopeIsPartOfTheResidual) {
  const auto policies = compiled(R"(
    permit(principal in Group::"staff", action == Action::"view", resource in Folder::"f");
    permit(principal == User::"bob", action, resource);
    permit(principal, action, resource is Folder in Folder::"g");
    forbid(principal, action in [Action::"edit", Action::"delete"], resource);
    @id("never") forbid(principal, action, resource == Doc::"plan") when { 1 == "a" && principal.x };
  )");
  const auto entities = world();
  const auto any = authorize_partially(*policies, unknown_resource(), *entities);
  EXPECT_EQ(any.decision, PartialDecision::kUnknown);
  EXPECT_EQ(print_policies(any.residual_policies()),
            "permit (principal, action, resource in Folder::\"f\");\n\n"
            "permit (principal, action, resource is Folder in Folder::\"g\");\n");
  PartialRequest folder = unknown_resource();
  folder.resource_type = "Folder";
  EXPECT_EQ(print_policies(authorize_partially(*policies, folder, *entities).residual_policies()),
            "permit (principal, action, resource in Folder::\"f\");\n\n"
            "permit (principal, action, resource in Folder::\"g\");\n");
  PartialRequest action = unknown_resource();
  action.action.reset();
  action.resource = uid("Doc", "plan");
  EXPECT_EQ(print_policies(authorize_partially(*policies, action, *entities).residual_policies()),
            "permit (principal, action == Action::\"view\", resource);\n\n"
            "forbid (principal, action in [Action::\"edit\", Action::\"delete\"], resource);\n");
}

TEST_F(Partial, ForbidThatMayApplyLeavesTheAnswerOpen) {
  const auto entities = world();
  const auto decide = [&](std::string_view text) {
    return authorize_partially(*compiled(text), unknown_resource(), *entities).decision;
  };
  constexpr std::string_view kPermit = "permit(principal, action, resource);";
  EXPECT_EQ(decide(kPermit), PartialDecision::kAllow);
  EXPECT_EQ(decide(std::string(kPermit) + "forbid(principal, action, resource) when { resource.secret };"),
            PartialDecision::kUnknown);
  EXPECT_EQ(decide(std::string(kPermit) + "forbid(principal, action, resource) when { context.mfa };"),
            PartialDecision::kDeny);
  EXPECT_EQ(decide("forbid(principal, action, resource) when { resource.secret };"), PartialDecision::kDeny);
  EXPECT_EQ(decide(""), PartialDecision::kDeny);
}

// Expressions by chance, most of them of the type that is asked for, some failing.
class Expressions {
 public:
  explicit Expressions(std::uint32_t seed) : random_(seed) {}

  std::string boolean(int depth) {
    if (depth == 0) return pick({"true", "false", "context.mfa", "resource.public", "1", "context.none"});
    switch (random_() % 16) {
      case 0:
        return fmt::format("({} && {})", boolean(depth - 1), boolean(depth - 1));
      case 1:
        return fmt::format("({} || {} || {})", boolean(depth - 1), boolean(depth - 1), boolean(depth - 1));
      case 2:
        return fmt::format("!({})", boolean(depth - 1));
      case 3:
        return fmt::format("(if {} then {} else {})", boolean(depth - 1), boolean(depth - 1),
                           boolean(depth - 1));
      case 4:
        return fmt::format("({} {} {})", number(depth - 1), pick({"<", "<=", ">", ">="}), number(depth - 1));
      case 5:
        return fmt::format("({} == {})", any(depth - 1), any(depth - 1));
      case 6:
        return fmt::format("({} in {})", entity(depth - 1), entity(depth - 1));
      case 7:
        return fmt::format("({} in [{}, {}])", entity(depth - 1), entity(depth - 1), entity(depth - 1));
      case 8:
        return fmt::format("({} is {})", entity(depth - 1), pick({"User", "Doc", "Folder"}));
      case 9:
        return fmt::format("({} is {} in {})", entity(depth - 1), pick({"User", "Doc"}), any(depth - 1));
      case 10:
        return fmt::format("({} has {})", pick({"context", "principal", "resource"}),
                           pick({"mfa", "level", "none", "rec.a", "owner.level"}));
      case 11:
        return fmt::format("([{}, {}].contains({}))", any(depth - 1), any(depth - 1), any(depth - 1));
      case 12:
        return fmt::format("({}.hasTag({}))", entity(depth - 1), text());
      case 13:
        return fmt::format("({} like \"a*\")", text());
      case 14:
        return fmt::format("(principal.tags.{}([\"a\"]))", pick({"containsAll", "containsAny"}));
      default:
        return fmt::format("({} != {})", any(depth - 1), any(depth - 1));
    }
  }

 private:
  std::string number(int depth) {
    if (depth <= 0)
      return pick({"1", "9223372036854775807", "context.n", "principal.level", "resource.level", "-3"});
    return fmt::format("({} {} {})", number(depth - 1), pick({"+", "-", "*"}), number(depth - 1));
  }
  std::string entity(int) {
    return pick({"principal", "action", "resource", "resource.owner", "User::\"alice\"", "Folder::\"f\"",
                 "Group::\"staff\"", "User::\"nobody\"", "context.mfa"});
  }
  std::string text() {
    return pick({"\"team\"", "principal.name", "context.s", "principal.getTag(\"team\")"});
  }
  std::string any(int depth) {
    switch (random_() % 5) {
      case 0:
        return number(std::min(depth, 1));
      case 1:
        return entity(depth);
      case 2:
        return text();
      case 3:
        return depth > 0 ? boolean(depth - 1) : "context";
      default:
        return fmt::format("{{a: {}, b: context.rec}}.a", number(0));
    }
  }
  std::string pick(std::initializer_list<std::string_view> texts) {
    return std::string(texts.begin()[random_() % texts.size()]);
  }

  std::mt19937 random_;
};

struct Outcome {
  bool allowed;
  std::set<std::string> reason;
  std::set<std::string> errors;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decide(const CompiledPolicySet& policies, const Request& request, const Entities& entities) {
  Evaluation evaluation;
  authorize(policies, request, entities, evaluation);
  Outcome outcome{evaluation.allowed(), {}, {}};
  for (const PolicyIndex policy : evaluation.reason()) outcome.reason.emplace(policies.id(policy));
  for (const PolicyError& error : evaluation.errors()) outcome.errors.emplace(policies.id(error.policy));
  return outcome;
}

TEST_F(Partial, ResidualPoliciesDecideEveryCompletionAsTheWholeSetDoes) {
  const auto entities = world();
  const EntityRef principals[] = {uid("User", "alice"), uid("User", "bob"), uid("User", "nobody")};
  const EntityRef resources[] = {uid("Doc", "plan"), uid("Doc", "memo"), uid("Folder", "f")};
  const EntityRef actions[] = {uid("Action", "view"), uid("Action", "edit")};
  const Value record = make_record(arena, {{"a", Value::integer(1)}});
  const Value contexts[] = {context, Value::record(empty_record()),
                            make_record(arena, {{"mfa", Value::boolean(true)},
                                                {"n", Value::integer(5)},
                                                {"rec", record},
                                                {"s", make_string(arena, "abc")}})};
  std::mt19937 random(11);
  std::size_t decided = 0;
  std::size_t open = 0;
  for (std::uint32_t round = 0; round < 10000; ++round) {
    Expressions expressions(round);
    std::string text;
    for (int i = 0; i < 3; ++i) {
      constexpr std::string_view kScopes[] = {
          "principal, action, resource", "principal in Group::\"staff\", action, resource",
          "principal is User, action == Action::\"view\", resource in Folder::\"f\"",
          "principal, action in [Action::\"edit\"], resource is Doc in Folder::\"f\"",
          "principal == User::\"bob\", action, resource is Folder"};
      text += fmt::format("{}({}) when {{ {} }};\n", random() % 3 == 0 ? "forbid" : "permit",
                          kScopes[random() % 5], expressions.boolean(3));
    }
    const auto policies = compiled(text);
    const unsigned unknown = 1 + random() % 15;
    for (int sample = 0; sample < 3; ++sample) {
      Request request{principals[random() % 3], actions[random() % 2], resources[random() % 3],
                      contexts[random() % 3]};
      PartialRequest partial{.context = request.context};
      if (unknown & 1) {
        if (random() % 2 != 0) partial.principal_type = request.principal.type();
      } else {
        partial.principal = request.principal;
      }
      if (unknown & 2) {
        if (random() % 2 != 0) partial.resource_type = request.resource.type();
      } else {
        partial.resource = request.resource;
      }
      if (!(unknown & 4)) partial.action = request.action;
      if (unknown & 8) {
        // The known part of the first context is that of the last, too.
        partial.context_complete = false;
        if (request.context == contexts[1] || random() % 2 != 0) partial.context = contexts[1];
        if (request.context == contexts[2] && partial.context != contexts[1]) partial.context = contexts[0];
      }
      const PartialAnswer answer = authorize_partially(*policies, partial, *entities);
      const PolicySet left = answer.residual_policies();
      const auto residual = CompiledPolicySet::compile(left);
      ASSERT_TRUE(residual.has_value());
      const Outcome expected = decide(*policies, request, *entities);
      ASSERT_EQ(decide(**residual, request, *entities), expected) << text << "\n" << print_policies(left);
      if (answer.decision == PartialDecision::kUnknown) {
        ++open;
        continue;
      }
      ++decided;
      ASSERT_EQ(answer.decision == PartialDecision::kAllow, expected.allowed) << text;
    }
  }
  EXPECT_GT(decided, 1000u);
  EXPECT_GT(open, 1000u);
}

TEST_F(Partial, FindsThePermittedCandidates) {
  const auto policies = compiled(R"(
    permit(principal, action == Action::"view", resource) when { resource.owner == principal };
    permit(principal in Group::"staff", action == Action::"view", resource) when { resource.public };
    permit(principal, action == Action::"list", resource is Folder);
    forbid(principal, action == Action::"view", resource) when { context.time > 10 };
  )");
  const auto entities = world();
  const EntityRef plan = uid("Doc", "plan");
  const EntityRef memo = uid("Doc", "memo");
  const EntityRef folder = uid("Folder", "f");
  const std::vector<EntityRef> documents{plan, memo, folder};
  PartialRequest request{.principal = uid("User", "alice"),
                         .action = uid("Action", "view"),
                         .context = make_record(arena, {{"time", Value::integer(9)}})};
  const auto find = [&](Variable open, std::span<const EntityRef> candidates) {
    return *find_permitted(*policies, request, *entities, open, candidates);
  };
  EXPECT_THAT(find(Variable::kResource, documents).permitted, ::testing::ElementsAre(plan, memo));

  request.resource = memo;
  const std::vector<EntityRef> people{uid("User", "bob"), uid("User", "alice"), uid("User", "nobody")};
  EXPECT_THAT(find(Variable::kPrincipal, people).permitted, ::testing::ElementsAre(people[0], people[1]));

  const std::vector<EntityRef> actions{uid("Action", "list"), uid("Action", "view"), uid("Action", "edit")};
  EXPECT_THAT(find(Variable::kAction, actions).permitted, ::testing::ElementsAre(actions[1]));

  request.context = Value::record(empty_record());
  request.context_complete = false;
  EXPECT_THAT(find(Variable::kResource, documents).permitted, ::testing::IsEmpty());
  EXPECT_THAT(find(Variable::kResource, documents).undecided, ::testing::ElementsAre(plan, memo));
}

TEST_F(Partial, AQueryWithTwoOpenPlacesIsRefused) {
  const auto policies = compiled("permit(principal, action, resource);");
  const auto entities = world();
  const auto found =
      find_permitted(*policies, {.action = uid("Action", "view")}, *entities, Variable::kResource, {});
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().message, ::testing::HasSubstr("the principal is unknown"));
  EXPECT_FALSE(find_permitted(*policies, unknown_resource(), *entities, Variable::kContext, {}).has_value());
}

TEST_F(Partial, ApplicableActionsComeFromTheSchema) {
  const auto schema = schema_from_text(R"(
    entity User; entity Doc; entity Folder;
    action read; action view in read appliesTo { principal: User, resource: [Doc, Folder] };
    action list appliesTo { principal: User, resource: Folder };)");
  ASSERT_TRUE(schema.has_value());
  EXPECT_THAT(applicable_actions(arena, **schema, "User", "Doc"),
              ::testing::ElementsAre(uid("Action", "view")));
  EXPECT_THAT(applicable_actions(arena, **schema, "User", "Folder"),
              ::testing::UnorderedElementsAre(uid("Action", "view"), uid("Action", "list")));
  EXPECT_THAT(applicable_actions(arena, **schema, "Doc", "Doc"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace writ::cedar::partial_test
