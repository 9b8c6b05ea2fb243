#include "cedar/compile.h"

#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/parse.h"
#include "cedar/plan/plan.h"
#include "cedar/plan/plan_builder.h"

namespace writ::cedar::compile_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Compiled = std::shared_ptr<const CompiledPolicySet>;

std::string when(std::string_view condition) {
  return fmt::format("permit(principal, action, resource) when {{ {} }};", condition);
}

Compiled compiled(const PolicySet& policies) {
  auto set = CompiledPolicySet::compile(policies);
  if (!set) ADD_FAILURE() << set.error().message;
  return set ? *set : nullptr;
}
Compiled compiled(std::string_view text) {
  auto policies = parse_policies(text);
  if (!policies) ADD_FAILURE() << render_issue("", text, policies.error().front());
  return policies ? compiled(*policies) : nullptr;
}

std::string refusal(const PolicySet& policies) {
  const auto set = CompiledPolicySet::compile(policies);
  if (set) return "compiled";
  return fmt::format("{}: {}", static_cast<int>(set.error().code), set.error().message);
}
std::string error(ErrorCode code, std::string_view message) {
  return fmt::format("{}: {}", static_cast<int>(code), message);
}

// The first policy's condition. A constant there is what the whole condition was folded to.
const Node& condition(const Compiled& set) {
  return set->plan().nodes.at(set->plan().conditions.at(0));
}
bool is_true(const Compiled& set) {
  const Node& node = condition(set);
  if (node.op != Op::kConstant) return false;
  const Value value = set->plan().constants.at(node.a);
  return value.is(Kind::kBool) && value.as_bool();
}
std::vector<Op> operands(const Compiled& set, const Node& node) {
  std::vector<Op> out;
  for (std::uint32_t i = 0; i < node.b; ++i)
    out.push_back(set->plan().nodes.at(set->plan().operands.at(node.a + i)).op);
  return out;
}
// Of a condition that is one chain; another is its only part.
std::vector<Op> operands(const Compiled& set) {
  const Node& node = condition(set);
  if (node.op != Op::kAnd && node.op != Op::kOr) return {node.op};
  return operands(set, node);
}

// Of the first policy: "true", "false", or the code of its error.
std::string outcome(const Compiled& set, Value context = Value::record(empty_record())) {
  Arena arena;
  Evaluation evaluation;
  authorize(*set, {arena.entity("User", "u"), arena.entity("Action", "a"), arena.entity("Doc", "d"), context},
            *Entities::empty(), evaluation);
  if (!evaluation.errors().empty()) return std::string(eval_error_code(evaluation.errors()[0].kind()));
  return evaluation.allowed() ? "true" : "false";
}
std::string outcome(std::string_view condition) {
  return outcome(compiled(when(condition)));
}

TEST(Compile, EveryOperatorOfConstantsFolds) {
  for (const auto* text : {"1 + 2 == 3",
                           "1 - 2 == -1",
                           "2 * 3 == 6",
                           "-(1) == -1",
                           "!false",
                           "1 != 2",
                           "1 < 2",
                           "2 <= 2",
                           "2 > 1",
                           "2 >= 2",
                           "\"a\" == \"a\"",
                           "User::\"a\" == User::\"a\"",
                           "User::\"a\" != User::\"b\"",
                           "[1, 2] == [2, 1, 1]",
                           "{a: 1} == {\"a\": 1}",
                           "{a: {b: 1}}.a.b == 1",
                           "{a: 1} has a",
                           "!({a: 1} has b)",
                           "[1].contains(1)",
                           "[1, 2].containsAll([1])",
                           "[1, 2].containsAny([2, 3])",
                           "[].isEmpty()",
                           "\"abc\" like \"a*\"",
                           "User::\"a\" is User",
                           "!(User::\"a\" is Doc)",
                           "ip(\"10.0.0.1\").isInRange(ip(\"10.0.0.0/8\"))",
                           "decimal(\"1.5\").lessThan(decimal(\"2.0\"))",
                           "datetime(\"2024-01-01\") < datetime(\"2024-01-02\")",
                           "duration(\"1h\") == duration(\"60m\")",
                           "datetime(\"2024-01-01\").offset(duration(\"1d\")) == datetime(\"2024-01-02\")",
                           "true && true",
                           "false || true",
                           "if 1 == 1 then true else false",
                           "if 1 == 2 then context.a else true",
                           "false && context.a || true"}) {
    EXPECT_TRUE(is_true(compiled(when(text)))) << text;
    EXPECT_EQ(outcome(text), "true") << text;
  }
}

TEST(Compile, WhatTheRequestDecidesStays) {
  EXPECT_EQ(operands(compiled(when("User::\"a\" in User::\"a\""))), std::vector{Op::kIn});
  EXPECT_EQ(operands(compiled(when("User::\"a\" has b"))), std::vector{Op::kHas});
  EXPECT_EQ(operands(compiled(when("User::\"a\".b"))), std::vector{Op::kAttribute});
  EXPECT_EQ(operands(compiled(when("User::\"a\".hasTag(\"b\")"))), std::vector{Op::kHasTag});
  EXPECT_EQ(operands(compiled(when("User::\"a\".getTag(\"b\")"))), std::vector{Op::kGetTag});
  EXPECT_EQ(operands(compiled(when("User::\"a\" is User in User::\"b\""))), std::vector{Op::kIsIn});
  EXPECT_EQ(operands(compiled(when("principal == User::\"u\""))), std::vector{Op::kEqual});
  EXPECT_EQ(operands(compiled(when("1 + context.a == 2"))), std::vector{Op::kEqual});
}

// A failure is what these mean, so it happens at each evaluation, and never while compiling.
TEST(Compile, FailingConstantsStayAndFail) {
  constexpr std::pair<const char*, const char*> kFailing[] = {
      {"1 + \"a\" == 2", "type_error"},
      {"9223372036854775807 + 1 == 0", "overflow"},
      {"-9223372036854775808 - 1 == 0", "overflow"},
      {"4611686018427387904 * 2 == 0", "overflow"},
      {"-(-9223372036854775808) == 0", "overflow"},
      {"!1", "type_error"},
      {"-\"a\" == 1", "type_error"},
      {"1 < \"a\"", "type_error"},
      {"{a: 1}.b == 1", "missing_attribute"},
      {"1.a == 1", "type_error"},
      {"1 has a", "type_error"},
      {"1 has a.b", "type_error"},
      {"1.contains(1)", "type_error"},
      {"[1].containsAll(1)", "type_error"},
      {"1.isEmpty()", "type_error"},
      {"1 like \"a\"", "type_error"},
      {"1 is User", "type_error"},
      {"1 in User::\"a\"", "type_error"},
      {"User::\"a\" in 1", "type_error"},
      {"User::\"a\" in [1]", "type_error"},
      {"ip(\"nonsense\").isIpv4()", "extension_error"},
      {"decimal(\"1\") == 1", "extension_error"},
      {"datetime(\"2023-02-29\") == 1", "extension_error"},
      {"duration(\"1y\") == 1", "extension_error"},
      {"ip(1) == 1", "type_error"},
      {"ip() == 1", "argument_count"},
      {"ip(\"::1\", 2) == 1", "argument_count"},
      {"if 1 then true else true", "type_error"},
      {"1", "type_error"},
      {"\"true\"", "type_error"},
      {"true && 1", "type_error"},
      {"1 && true", "type_error"},
      {"1 || true", "type_error"},
      {"false || 1", "type_error"},
      {"[1 + \"a\"] == []", "type_error"},
      {"{a: 1 + \"a\"} == {}", "type_error"},
      {"User::\"a\".b", "missing_entity"},
      {"User::\"a\".getTag(\"b\")", "missing_entity"},
  };
  for (const auto& [text, code] : kFailing) {
    const auto set = compiled(when(text));
    const Node& node = condition(set);
    EXPECT_FALSE(node.op == Op::kConstant && set->plan().constants.at(node.a).is(Kind::kBool)) << text;
    EXPECT_EQ(outcome(set), code) << text;
    EXPECT_EQ(outcome(set), code) << text << " again";
  }
}

TEST(Compile, WhatIsNeverReachedDoesNotFail) {
  EXPECT_EQ(outcome("true || 1 + \"a\" == 2"), "true");
  EXPECT_EQ(outcome("!(false && 1 + \"a\" == 2)"), "true");
  EXPECT_EQ(outcome("if true then true else 1 + \"a\" == 2"), "true");
  EXPECT_EQ(outcome("if false then 1 + \"a\" == 2 else true"), "true");
  EXPECT_EQ(outcome("1 + \"a\" == 2 || true"), "type_error");
  EXPECT_EQ(outcome("1 + \"a\" == 2 && false"), "type_error");
  EXPECT_EQ(outcome("[true || 1 + \"a\" == 2] == [true]"), "true");
}

// Expressions of constants, right and wrong ones.
class Expressions {
 public:
  std::string next(int depth) {
    if (depth == 0 || pick(6) == 0) return leaf();
    const auto sub = [&] { return "(" + next(depth - 1) + ")"; };
    switch (pick(17)) {
      case 0:
        return sub() + one_of({" + ", " - ", " * "}) + sub();
      case 1:
        return one_of({"-", "!"}) + sub();
      case 2:
        return sub() + " && " + sub();
      case 3:
        return sub() + " || " + sub() + " || " + sub();
      case 4:
        return "if " + sub() + " then " + sub() + " else " + sub();
      case 5:
      case 6:
        return sub() + one_of({" == ", " != "}) + sub();
      case 7:
        return sub() + one_of({" < ", " <= ", " > ", " >= "}) + sub();
      case 8:
        return sub() + one_of({".contains", ".containsAll", ".containsAny"}) + sub();
      case 9:
        return sub() + ".isEmpty()";
      case 10:
        return "[" + sub() + ", " + sub() + "]";
      case 11:
        return "{a: " + sub() + ", b: " + sub() + "}";
      case 12:
        return sub() + one_of({".a", "[\"b\"]", " has a", " has c", " has a.b"});
      case 13:
        return sub() + one_of({" like \"*\"", " like \"a*\"", " is User", " is Doc"});
      case 14:
        return one_of({"ip", "decimal", "duration", "datetime"}) + sub();
      case 15:
        return sub() + one_of({".isIpv4()", ".toDays()", ".toDate()", ".isLoopback()"});
      default:
        return sub() + one_of({".lessThan", ".offset", ".durationSince", ".isInRange"}) + sub();
    }
  }

 private:
  std::size_t pick(std::size_t n) { return random_() % n; }
  std::string one_of(const std::vector<std::string>& all) { return all[pick(all.size())]; }
  std::string leaf() {
    return one_of({"true",
                   "false",
                   "0",
                   "1",
                   "-1",
                   "7",
                   "9223372036854775807",
                   "-9223372036854775808",
                   "\"\"",
                   "\"a\"",
                   "\"a*b\"",
                   "User::\"u\"",
                   "Doc::\"d\"",
                   "[]",
                   "{}",
                   "ip(\"10.0.0.1\")",
                   "ip(\"::/0\")",
                   "decimal(\"1.50\")",
                   "duration(\"1d2h\")",
                   "datetime(\"2024-02-29\")",
                   "\"10.0.0.1\"",
                   "\"1.5\"",
                   "\"1h\"",
                   "\"2024-02-30\""});
  }
  std::mt19937 random_{20240229};
};

// The same with each literal in the context, where folding does not see it.
Expr hidden(const Expr& expr, Arena& arena, std::vector<std::pair<std::string, Value>>& fields) {
  Expr copy = expr;
  const auto hide = [&](Value value) {
    fields.emplace_back(fmt::format("c{}", fields.size()), value);
    Expr context{ExprKind::kVariable, {}};
    context.integer = static_cast<std::int64_t>(Variable::kContext);
    copy = Expr{ExprKind::kAttribute, {}};
    copy.text = fields.back().first;
    copy.operands.push_back(std::move(context));
  };
  switch (expr.kind) {
    case ExprKind::kBool:
      hide(Value::boolean(expr.integer != 0));
      break;
    case ExprKind::kLong:
      hide(Value::integer(expr.integer));
      break;
    case ExprKind::kString:
      hide(make_string(arena, expr.text));
      break;
    case ExprKind::kEntity:
      hide(make_entity(arena, expr.text, expr.names[0]));
      break;
    default:
      copy.operands.clear();
      for (const Expr& operand : expr.operands) copy.operands.push_back(hidden(operand, arena, fields));
  }
  return copy;
}

PolicySet with_condition(Expr body) {
  PolicySet set;
  set.policies.push_back({.id = "p", .effect = Effect::kPermit});
  set.policies[0].conditions.push_back({.body = std::move(body)});
  return set;
}
Expr equal(Expr left, Expr right) {
  Expr expr{ExprKind::kEqual, {}};
  expr.operands.push_back(std::move(left));
  expr.operands.push_back(std::move(right));
  return expr;
}

TEST(Compile, FoldingGivesWhatEvaluationGives) {
  Expressions expressions;
  std::size_t folded = 0, failed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto text = expressions.next(1 + i % 4);
    const auto expr = parse_expression(text);
    ASSERT_TRUE(expr.has_value()) << text;
    Arena arena;
    std::vector<std::pair<std::string, Value>> fields;
    const Expr slow = hidden(*expr, arena, fields);
    const std::vector<Field> views(fields.begin(), fields.end());
    const Value context = make_record(arena, views);

    const auto fast = compiled(with_condition(equal(*expr, *expr)));
    const auto expected = outcome(compiled(with_condition(equal(slow, slow))), context);
    ASSERT_EQ(outcome(fast, context), expected) << text;
    if (expected == "true") {
      ASSERT_EQ(outcome(compiled(with_condition(equal(*expr, slow))), context), "true") << text;
      folded += is_true(fast) ? 1 : 0;
    } else {
      ++failed;
    }
  }
  EXPECT_GT(folded, 2'000U) << "else nothing was tested";
  EXPECT_GT(failed, 2'000U);
}

TEST(Compile, ChainsWithinChainsBecomeOne) {
  using enum Op;
  EXPECT_THAT(operands(compiled(when("context.a && (context.b && context.c) && context.d"))),
              ElementsAre(kAttribute, kAttribute, kAttribute, kAttribute));
  EXPECT_THAT(operands(compiled(when("(context.a && context.b) && (context.c && context.d)"))),
              ElementsAre(kAttribute, kAttribute, kAttribute, kAttribute));
  const auto either = compiled(when("context.a || (context.b || (context.c || context.d))"));
  EXPECT_THAT(operands(either), ElementsAre(kAttribute, kAttribute, kAttribute, kAttribute));
  EXPECT_THAT(operands(compiled(when("context.a && (context.b || context.c)"))),
              ElementsAre(kAttribute, kOr));
  // Several conditions are one conjunction.
  EXPECT_THAT(operands(compiled(
                  "permit(principal, action, resource) when { context.a && context.b } unless { context.c } "
                  "when { context.d };")),
              ElementsAre(kAttribute, kAttribute, kNot, kAttribute));
}

TEST(Compile, ConstantsInAChainSayOnlyWhatTheyMust) {
  using enum Op;
  EXPECT_THAT(operands(compiled(when("true && context.a && true && context.b && true"))),
              ElementsAre(kAttribute, kAttribute));
  EXPECT_THAT(operands(compiled(when("context.a && false && context.b"))),
              ElementsAre(kAttribute, kConstant));
  EXPECT_EQ(condition(compiled(when("false && context.a"))).op, kConstant);
  EXPECT_EQ(condition(compiled(when("true || context.a"))).op, kConstant);
  EXPECT_EQ(outcome("context.a && false"), "missing_attribute") << "what comes first fails first";
  EXPECT_EQ(outcome("false || principal"), "type_error") << "the last operand has to be a boolean, too";
  EXPECT_EQ(outcome("true && principal"), "type_error");
  EXPECT_TRUE(is_true(compiled("permit(principal, action, resource) when { true } unless { false };")));
}

TEST(Compile, APolicyWithoutConditionsHasNone) {
  const auto set = compiled("permit(principal, action, resource);");
  EXPECT_EQ(set->plan().conditions.at(0), kNoNode);
  EXPECT_EQ(outcome(set), "true");
}

TEST(Compile, EqualNamesAndConstantsAreStoredOnce) {
  const auto set = compiled(when(
      "context.a == \"x\" && context.a != \"x\" && User::\"u\" == context.a && User::\"u\" != context.a"));
  EXPECT_EQ(set->plan().constants.size(), 2U);
  EXPECT_EQ(set->plan().names.size(), 1U);
}

TEST(Compile, FoldingTakesBackWhatItNoLongerNeeds) {
  EXPECT_EQ(compiled(when("context.a == [1, 2, {b: 1 + 2 * 3}]"))->plan().nodes.size(), 4U)
      << "the context, its attribute, one constant and the comparison";
}

TEST(Compile, KeepsWhatPoliciesAre) {
  const auto set = compiled(R"(@id("first") @note permit(principal, action, resource);
                               forbid(principal, action, resource);)");
  ASSERT_EQ(set->size(), 2U);
  EXPECT_EQ(set->id(0), "policy0");
  EXPECT_FALSE(set->forbids(0));
  EXPECT_TRUE(set->forbids(1));
  EXPECT_EQ(set->annotation(0, "id"), "first");
  EXPECT_EQ(set->annotation(0, "note"), "");
  EXPECT_EQ(set->annotation(1, "id"), std::nullopt);
  EXPECT_EQ(set->annotations(0).size(), 2U);
  EXPECT_EQ(set->find("policy1"), PolicyIndex{1});
  EXPECT_EQ(set->find("policy2"), std::nullopt);
  EXPECT_EQ(set->find(""), std::nullopt);
  EXPECT_GT(set->bytes_reserved(), 0U);
}

TEST(Compile, AnEmptySetIsASetThatPermitsNothing) {
  const auto set = compiled("");
  EXPECT_EQ(set->size(), 0U);
  EXPECT_EQ(outcome(set), "false");
}

constexpr const char* kTemplate = "permit(principal == ?principal, action, resource in ?resource);";

TEST(CompileTemplates, ALinkIsAPolicyAndATemplateIsNone) {
  PolicySet set = *parse_policies(kTemplate);
  EXPECT_EQ(compiled(set)->size(), 0U);
  set.links.push_back({"policy0", "one", EntityUid{"User", "u"}, EntityUid{"Doc", "d"}});
  set.links.push_back({"policy0", "two", EntityUid{"User", "other"}, EntityUid{"Doc", "d"}});
  const auto both = compiled(set);
  ASSERT_EQ(both->size(), 2U);
  EXPECT_EQ(both->id(0), "one");
  EXPECT_EQ(both->id(1), "two");
  EXPECT_EQ(outcome(both), "true");
  std::swap(set.links[0].principal, set.links[1].principal);
  set.links.pop_back();
  EXPECT_EQ(outcome(compiled(set)), "false");
}

TEST(CompileTemplates, SlotsAndWhatFillsThemHaveToFit) {
  PolicySet set = *parse_policies("permit(principal == ?principal, action, resource);");
  set.links = {{"policy0", "one", {}, {}}};
  EXPECT_EQ(refusal(set),
            error(ErrorCode::kInvalid,
                  "policy `one`: template `policy0` needs an entity for the slot `?principal`"));
  set.links = {{"policy0", "one", EntityUid{"User", "u"}, EntityUid{"Doc", "d"}}};
  EXPECT_EQ(refusal(set),
            error(ErrorCode::kInvalid, "policy `one`: template `policy0` has no slot `?resource`"));
  set.links = {{"nope", "one", EntityUid{"User", "u"}, {}}};
  EXPECT_EQ(refusal(set), error(ErrorCode::kNotFound, "policy `one` links the unknown template `nope`"));
}

TEST(CompileTemplates, AStaticPolicyIsNoTemplateAndTheOtherWayRound) {
  PolicySet set = *parse_policies(kTemplate);
  std::swap(set.policies, set.templates);
  EXPECT_EQ(refusal(set), error(ErrorCode::kInvalid,
                                "policy `policy0` has a slot; it is a template and needs to be linked"));
}

TEST(Compile, AnIdIsUsedOnceInTheWholeSet) {
  PolicySet set =
      *parse_policies("permit(principal, action, resource); forbid(principal, action, resource);");
  set.policies[1].id = "policy0";
  const auto conflict = error(ErrorCode::kConflict, "two policies have the id `policy0`");
  EXPECT_EQ(refusal(set), conflict);

  PolicySet templates = *parse_policies(kTemplate);
  templates.templates.push_back(templates.templates[0]);
  EXPECT_EQ(refusal(templates), conflict);
  templates.templates.pop_back();
  templates.policies.push_back(set.policies[0]);
  EXPECT_EQ(refusal(templates), conflict) << "a policy and a template";
  templates.policies.clear();
  templates.links = {{"policy0", "policy0", EntityUid{"User", "u"}, EntityUid{"Doc", "d"}}};
  EXPECT_EQ(refusal(templates), conflict) << "a template and its link";
  templates.links = {{"policy0", "a", EntityUid{"User", "u"}, EntityUid{"Doc", "d"}},
                     {"policy0", "a", EntityUid{"User", "v"}, EntityUid{"Doc", "d"}}};
  EXPECT_EQ(refusal(templates), error(ErrorCode::kConflict, "two policies have the id `a`"));
}

TEST(Compile, AFunctionThatDoesNotExistIsRefused) {
  Expr call{ExprKind::kCall, {}};
  call.text = "now";
  EXPECT_EQ(refusal(with_condition(call)),
            error(ErrorCode::kInvalid, "policy `p`: there is no function `now`"));
}

// `context.a`, and `n` times around it a node of this kind.
Expr nested(ExprKind kind, std::size_t n) {
  Expr expr = *parse_expression("context.a");
  for (std::size_t i = 0; i < n; ++i) {
    Expr outer{kind, {}};
    if (kind == ExprKind::kNotEqual) outer.operands.push_back(*parse_expression("context.b"));
    outer.operands.push_back(std::move(expr));
    expr = std::move(outer);
  }
  return expr;
}

TEST(CompileLimits, WhateverParsesCompiles) {
  std::string text = "context.a";
  for (std::size_t i = 0; i + 3 < kMaxNesting; ++i) text = "1 != (" + text + ")";
  EXPECT_EQ(
      outcome(compiled("permit(principal, action, resource) unless { 1 != (" + text + ") } when { true };")),
      "missing_attribute");
  EXPECT_FALSE(parse_policies("permit(principal, action, resource) unless { 1 != (1 != (" + text + ")) };")
                   .has_value());
}

TEST(CompileLimits, ATreeThatIsTooDeepIsRefusedByName) {
  // The attribute is two deep.
  const std::size_t deepest = PlanBuilder::kMaxDepth - 2;
  EXPECT_EQ(refusal(with_condition(nested(ExprKind::kNot, deepest))), "compiled");
  const auto too_deep = error(ErrorCode::kLimit, "policy `p`: an expression is nested more than 1002 deep");
  EXPECT_EQ(refusal(with_condition(nested(ExprKind::kNot, deepest + 1))), too_deep);
  EXPECT_EQ(refusal(with_condition(nested(ExprKind::kNot, 10'000))), too_deep);
  EXPECT_EQ(refusal(with_condition(nested(ExprKind::kNotEqual, deepest / 2))), "compiled");
  EXPECT_EQ(refusal(with_condition(nested(ExprKind::kNotEqual, deepest / 2 + 1))), too_deep);
  PolicySet second = *parse_policies("permit(principal, action, resource);");
  second.policies.push_back(with_condition(nested(ExprKind::kNot, 5000)).policies[0]);
  EXPECT_EQ(refusal(second), too_deep);
}

TEST(CompileLimits, ChainsOfAnyLengthAreNotDeep) {
  std::string text = "context.a";
  for (int i = 0; i < 100'000; ++i) text += " && context.a";
  const auto set = compiled(when(text));
  EXPECT_EQ(operands(set).size(), 100'001U);
  EXPECT_EQ(outcome(set), "missing_attribute");
}

TEST(Compile, FieldsAreEvaluatedInTheOrderOfTheirNames) {
  const auto policies =
      compiled("permit(principal, action, resource) when { {b: context.missing, a: -\"text\"} == {} };");
  ASSERT_NE(policies, nullptr);
  Arena arena;
  const Request request{arena.entity("User", "u"), arena.entity("Action", "a"), arena.entity("Doc", "d"),
                        Value::record(empty_record())};
  Evaluation evaluation;
  authorize(*policies, request, *Entities::empty(), evaluation);
  ASSERT_EQ(evaluation.errors().size(), 1U);
  EXPECT_EQ(evaluation.errors().front().kind(), EvalErrorKind::kType);
}

}  // namespace
}  // namespace writ::cedar::compile_test
