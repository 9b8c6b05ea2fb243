#include "cedar/policy_json.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "base/testing/folders.h"
#include "cedar/parse.h"
#include "cedar/print.h"

namespace writ::cedar::policy_json_test {
namespace {

using codec::Json;
using codec::parse_json;
using ::testing::HasSubstr;

Json json(std::string_view text) {
  return *parse_json(text, {.max_bytes = 1 << 26, .max_depth = 1024});
}

// A policy in JSON with this condition.
std::string policy_with(std::string_view body) {
  return R"({"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},)"
         R"("conditions":[{"kind":"when","body":)" +
         std::string(body) + "}]}";
}

std::string expression_text(std::string_view body) {
  const auto policy = policy_from_json(json(policy_with(body)));
  return policy ? print_expression(policy->conditions[0].body) : policy.error().message;
}

// Written by the reference implementation (cedar-policy 4.12), but for a list of one action, which stays a
// list here.
TEST(PolicyJson, WritesWhatTheReferenceWrites) {
  const auto set = parse_policies(R"(
    @a @b("x") permit(principal in ?principal, action in [Action::"a"], resource is R in R::"x")
      when { 1 == 2 && (true && false) } unless { context.s like "a*\*b" };
    permit(principal is A, action == Action::"x", resource == R::"x") when { -5 == -(5) && - -5 == 3 &&
      principal is A in B::"x" && ip("1.2.3.4").isInRange(ip("1.2.3.4")) && context has "a b" &&
      {a: [1, A::"b"]}.a.contains(!true) };
    forbid(principal, action in [], resource);)");
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(policies_to_json(*set)->pretty(), json(R"({
    "templates": {"policy0": {
      "effect": "permit",
      "principal": {"op": "in", "slot": "?principal"},
      "action": {"op": "in", "entities": [{"type": "Action", "id": "a"}]},
      "resource": {"op": "is", "entity_type": "R", "in": {"entity": {"type": "R", "id": "x"}}},
      "conditions": [
        {"kind": "when", "body": {"&&": {
          "left": {"==": {"left": {"Value": 1}, "right": {"Value": 2}}},
          "right": {"&&": {"left": {"Value": true}, "right": {"Value": false}}}}}},
        {"kind": "unless", "body": {"like": {
          "left": {".": {"left": {"Var": "context"}, "attr": "s"}},
          "pattern": [{"Literal": "a"}, "Wildcard", {"Literal": "*"}, {"Literal": "b"}]}}}],
      "annotations": {"a": null, "b": "x"}}},
    "staticPolicies": {"policy1": {
      "effect": "permit",
      "principal": {"op": "is", "entity_type": "A"},
      "action": {"op": "==", "entity": {"type": "Action", "id": "x"}},
      "resource": {"op": "==", "entity": {"type": "R", "id": "x"}},
      "conditions": [{"kind": "when", "body": {"&&": {"left": {"&&": {"left": {"&&": {"left": {"&&": {"left": {"&&": {
        "left": {"==": {"left": {"Value": -5}, "right": {"neg": {"arg": {"Value": 5}}}}},
        "right": {"==": {"left": {"neg": {"arg": {"Value": -5}}}, "right": {"Value": 3}}}}},
        "right": {"is": {"left": {"Var": "principal"}, "entity_type": "A",
                         "in": {"Value": {"__entity": {"type": "B", "id": "x"}}}}}}},
        "right": {"isInRange": [{"ip": [{"Value": "1.2.3.4"}]}, {"ip": [{"Value": "1.2.3.4"}]}]}}},
        "right": {"has": {"left": {"Var": "context"}, "attr": "a b"}}}},
        "right": {"contains": {
          "left": {".": {"left": {"Record": {"a": {"Set": [{"Value": 1},
                     {"Value": {"__entity": {"type": "A", "id": "b"}}}]}}}, "attr": "a"}},
          "right": {"!": {"arg": {"Value": true}}}}}}}}]},
    "policy2": {
      "effect": "forbid",
      "principal": {"op": "All"}, "action": {"op": "in", "entities": []}, "resource": {"op": "All"},
      "conditions": []}},
    "templateLinks": []})")
                                                  .pretty());
}

TEST(PolicyJson, ReadsEveryOperatorAndValue) {
  const auto both = [](std::string_view op) {
    return expression_text(fmt::format(R"({{"{}":{{"left":{{"Value":1}},"right":{{"Value":2}}}}}})", op));
  };
  for (const std::string op : {"==", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "-", "*", "in"})
    EXPECT_EQ(both(op), "1 " + op + " 2");
  for (const std::string op : {"contains", "containsAll", "containsAny", "hasTag", "getTag"})
    EXPECT_EQ(both(op), "1." + op + "(2)");
  EXPECT_EQ(expression_text(R"({"isEmpty":{"arg":{"Value":[]}}})"), "[].isEmpty()");
  EXPECT_EQ(expression_text(
                R"({"if-then-else":{"if":{"Value":true},"then":{"Value":"a"},"else":{"Var":"context"}}})"),
            "if true then \"a\" else context");
  EXPECT_EQ(
      expression_text(
          R"({"Value":{"a":[1,{"__entity":{"type":"A::B","id":"x"}}],"b":{"__extn":{"fn":"ip","arg":"::1"}}}})"),
      R"({a: [1, A::B::"x"], b: ip("::1")})");
  EXPECT_EQ(expression_text(R"({"has":{"left":{"Var":"context"},"attr":["a","b"]}})"), "context has a.b");
  EXPECT_EQ(expression_text(R"({"has":{"left":{"Var":"context"},"attr":["a","b c"]}})"),
            R"(context has a && context.a has "b c")");
  EXPECT_EQ(expression_text(
                R"({"like":{"left":{"Value":"s"},"pattern":["Wildcard",{"Literal":"a*"},"Wildcard"]}})"),
            R"("s" like "*a\**")");
  EXPECT_EQ(expression_text(R"({"decimal":[{"Value":"1.0"}]})"), R"(decimal("1.0"))");
  EXPECT_EQ(expression_text(R"({"lessThan":[{"Var":"context"},{"Value":1}]})"), "context.lessThan(1)");
}

TEST(PolicyJson, ReadsWhatTheReferenceWrote) {
  std::ifstream file(source_path("/tests/cases/cedar/policy_set.json"));
  std::stringstream text;
  text << file.rdbuf();
  const auto set = parse_policies_json(text.str());
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(set->policies.size(), 2u);
  EXPECT_EQ(set->templates.size(), 1u);
  EXPECT_THAT(print_policies(*set),
              HasSubstr("context has a &&\n  context.a has b &&\n  context.a.b has c &&\n  1 == 2"));
}

TEST(PolicyJson, GroupsOfAndBecomeOneChain) {
  const std::string t = R"({"Value":true})";
  const auto all = [](const std::string& a, const std::string& b) {
    return R"({"&&":{"left":)" + a + R"(,"right":)" + b + "}}";
  };
  EXPECT_EQ(expression_text(all(all(t, t), all(t, t))), "true && true && true && true");
}

struct Wrong {
  std::string_view json;
  std::string_view place;
  std::string_view message;
};

class RefusedJson : public ::testing::TestWithParam<Wrong> {};

TEST_P(RefusedJson, IsRefusedWithItsPlace) {
  const auto policy = policy_from_json(json(GetParam().json));
  ASSERT_FALSE(policy.has_value());
  EXPECT_THAT(policy.error().message, ::testing::StartsWith(fmt::format("at `{}`: ", GetParam().place)));
  EXPECT_THAT(policy.error().message, HasSubstr(GetParam().message));
}

constexpr std::string_view kAll = R"({"op":"All"})";
std::string_view scoped(std::string_view principal, std::string_view action = kAll,
                        std::string_view conditions = "[]", std::string_view rest = "") {
  static std::vector<std::unique_ptr<std::string>> kept;
  kept.push_back(std::make_unique<std::string>(fmt::format(
      R"({{"effect":"permit","principal":{},"action":{},"resource":{{"op":"All"}},"conditions":{}{}}})",
      principal, action, conditions, rest)));
  return *kept.back();
}
std::string_view body(std::string_view text) {
  static std::vector<std::unique_ptr<std::string>> kept;
  kept.push_back(std::make_unique<std::string>(policy_with(text)));
  return *kept.back();
}

INSTANTIATE_TEST_SUITE_P(
    PolicyJson, RefusedJson,
    ::testing::Values(
        Wrong{"[]", "/", "expected an object, found array"},
        Wrong{R"({"effect":"permit"})", "/", "`principal` is missing"},
        Wrong{R"({"effect":"allow"})", "/", "`allow` is not an effect"},
        Wrong{scoped(kAll, kAll, "[]", R"(,"condition":[])"), "/", "unknown member `condition`"},
        Wrong{scoped(kAll, kAll, "[]", R"(,"annotations":{"a b":"x"})"), "/annotations/a b", "annotation"},
        Wrong{scoped(kAll, kAll, "[]", R"(,"annotations":{"a":1})"), "/annotations/a", "expected a string"},
        Wrong{scoped(R"({"op":"All","x":1})"), "/principal", "unknown member `x`"},
        Wrong{scoped(R"({"op":"<"})"), "/principal", "`<` cannot be used in the scope of the principal"},
        Wrong{scoped(R"({"op":"=="})"), "/principal", "expected either `entity` or `slot`"},
        Wrong{scoped(R"({"op":"==","slot":"?resource"})"), "/principal",
              "slot `?resource` cannot stand here"},
        Wrong{scoped(R"({"op":"==","entity":{"type":"A","id":"x"},"slot":"?principal"})"), "/principal",
              "either"},
        Wrong{scoped(R"({"op":"in","entities":[]})"), "/principal", "expected either `entity` or `slot`"},
        Wrong{scoped(R"({"op":"==","entity":{"type":"a b","id":"x"}})"), "/principal/entity", "`a b`"},
        Wrong{scoped(R"({"op":"is","entity_type":"if"})"), "/principal", "`if` is not an entity type"},
        Wrong{scoped(kAll, R"({"op":"is","entity_type":"Action"})"), "/action", "`is` cannot be used"},
        Wrong{scoped(kAll, R"({"op":"==","entity":{"type":"A","id":"x"}})"), "/action", "is not an action"},
        Wrong{scoped(kAll, R"({"op":"==","slot":"?action"})"), "/action", "expected `entity`"},
        Wrong{scoped(kAll, kAll, R"([{"kind":"if","body":{"Value":1}}])"), "/conditions/0",
              "`if` does not begin a"},
        Wrong{scoped(kAll, kAll, R"([{"kind":"when"}])"), "/conditions/0", "`body` is missing"},
        Wrong{body("{}"), "/conditions/0/body", "found 0"},
        Wrong{body(R"({"Value":1,"Var":"context"})"), "/conditions/0/body", "found 2"},
        Wrong{body(R"({"Var":"self"})"), "/conditions/0/body/Var", "`self` is not a variable"},
        Wrong{body(R"({"Slot":"?principal"})"), "/conditions/0/body/Slot",
              "slot cannot stand in a condition"},
        Wrong{body(R"({"unknown":[{"Value":"x"}]})"), "/conditions/0/body/unknown",
              "no operator or function"},
        Wrong{body(R"({"/":{"left":{"Value":1},"right":{"Value":1}}})"), "/conditions/0/body/~1",
              "no operator"},
        Wrong{body(R"({"&&":{"left":{"Value":1}}})"), "/conditions/0/body/&&", "`right` is missing"},
        Wrong{body(R"({"&&":{"left":{"Value":1},"right":{"Value":1.5}}})"),
              "/conditions/0/body/&&/right/Value", "number is not a value in Cedar"},
        Wrong{body(R"({"Value":[null]})"), "/conditions/0/body/Value/0", "null is not a value"},
        Wrong{body(R"({"Value":{"__expr":"1"}})"), "/conditions/0/body/Value", "`__expr` escape"},
        Wrong{body(R"({"isIpv4":[]})"), "/conditions/0/body/isIpv4", "needs its receiver"},
        Wrong{body(R"({"is":{"left":{"Value":1},"entity_type":"A B"}})"), "/conditions/0/body/is", "A B"},
        Wrong{body(R"({"has":{"left":{"Value":1},"attr":[]}})"), "/conditions/0/body/has/attr",
              "at least one"},
        Wrong{body(R"({"like":{"left":{"Value":"a"},"pattern":["*"]}})"), "/conditions/0/body/like/pattern/0",
              "expected `Wildcard`"}));

TEST(PolicyJson, RefusesSetsThatContradictThemselves) {
  const auto refused = [](std::string statics, std::string templates, std::string links) {
    const auto set = parse_policies_json(fmt::format(
        R"({{"staticPolicies":{},"templates":{},"templateLinks":{}}})", statics, templates, links));
    return set ? "accepted" : set.error().message;
  };
  const std::string fixed(scoped(kAll));
  const std::string slot(scoped(R"({"op":"==","slot":"?principal"})"));
  const auto link = [](std::string_view id, std::string_view name, std::string_view values) {
    return fmt::format(R"([{{"templateId":"{}","newId":"{}","values":{}}}])", id, name, values);
  };
  const std::string alice = R"({"?principal":{"type":"User","id":"alice"}})";
  EXPECT_EQ(refused("{}", "{}", "[]"), "accepted");
  EXPECT_EQ(refused("{}", R"({"t":)" + slot + "}", link("t", "l", alice)), "accepted");
  EXPECT_THAT(refused(R"({"a":)" + slot + "}", "{}", "[]"),
              HasSubstr("at `/staticPolicies/a`: a policy with a slot"));
  EXPECT_THAT(refused("{}", R"({"a":)" + fixed + "}", "[]"),
              HasSubstr("at `/templates/a`: a template needs a slot"));
  EXPECT_THAT(refused(R"({"a":)" + fixed + "}", R"({"a":)" + slot + "}", "[]"),
              HasSubstr("two policies have the id `a`"));
  EXPECT_THAT(refused("{}", "{}", link("t", "l", alice)),
              HasSubstr("at `/templateLinks/0`: there is no template `t`"));
  EXPECT_THAT(refused("{}", R"({"t":)" + slot + "}", link("t", "t", alice)),
              HasSubstr("two policies have the id `t`"));
  EXPECT_THAT(refused("{}", R"({"t":)" + slot + "}", link("t", "l", "{}")),
              HasSubstr("needs an entity for the slot"));
  EXPECT_THAT(
      refused("{}", R"({"t":)" + slot + "}", link("t", "l", R"({"?resource":{"type":"A","id":"x"}})")),
      HasSubstr("at `/templateLinks/0`"));
  EXPECT_THAT(parse_policies_json(R"({"staticPolicies":{"a":1,"a":2}})").error().message, HasSubstr("a"));
}

TEST(PolicyJson, LinksSurviveTheRoundTrip) {
  const auto set = parse_policies("permit(principal == ?principal, action, resource in ?resource);");
  PolicySet linked = *set;
  linked.links.push_back({"policy0", "l", EntityUid{"User", "alice"}, EntityUid{"Doc", "d"}});
  const auto again = parse_policies_json(policies_to_json(linked)->dump());
  ASSERT_TRUE(again.has_value());
  ASSERT_EQ(again->links.size(), 1u);
  EXPECT_EQ(again->links[0].id, "l");
  EXPECT_EQ(again->links[0].principal, (EntityUid{"User", "alice"}));
  EXPECT_EQ(again->links[0].resource, (EntityUid{"Doc", "d"}));
}

TEST(PolicyJson, LongChainsStayShallow) {
  std::string text = "permit(principal,action,resource) when { context.a == 0";
  for (int i = 1; i < 20000; ++i) text += " || context.a == " + std::to_string(i);
  const auto set = parse_policies(text + "};");
  const auto written = policies_to_json(*set);
  ASSERT_TRUE(written.has_value());
  const auto again = parse_policies_json(written->dump());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(again->policies[0].same_as(set->policies[0]));
}

TEST(PolicyJson, TooDeepAnExpressionIsRefusedInBothDirections) {
  std::string text = "permit(principal,action,resource) when { true";
  for (int i = 0; i < 400; ++i) text = text.insert(text.find("{ ") + 2, "!(") + ")";
  const auto deep = parse_policies(text + "};");
  ASSERT_TRUE(deep.has_value());
  const auto written = policies_to_json(*deep);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::kLimit);

  std::string value(700, '[');
  value += std::string(700, ']');
  const auto read = policy_from_json(json(policy_with(R"({"Value":)" + value + "}")));
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kLimit);
  EXPECT_THAT(read.error().message,
              HasSubstr("at `/conditions/0/body`: this expression is nested more than 500"));

  std::string names = "\"a b\"";
  for (int i = 0; i < 600; ++i) names += ",\"a b\"";
  const auto path =
      policy_from_json(json(policy_with(R"({"has":{"left":{"Var":"context"},"attr":[)" + names + "]}}")));
  ASSERT_FALSE(path.has_value());
  EXPECT_EQ(path.error().code, ErrorCode::kLimit);
}

TEST(PolicyJson, EveryPolicyOfTheConformanceDataRoundTrips) {
  const std::filesystem::path folder = conformance_path("cedar");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cedar") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto set = parse_policies(text.str());
    if (!set) continue;
    const auto written = policies_to_json(*set);
    ASSERT_TRUE(written.has_value()) << entry.path();
    const auto again = policies_from_json(*written);
    ASSERT_TRUE(again.has_value()) << entry.path() << again.error().message;
    EXPECT_EQ(policies_to_json(*again)->dump().size(), written->dump().size()) << entry.path();
    count += set->policies.size();
  }
  EXPECT_GT(count, 20u);
}

}  // namespace
}  // namespace writ::cedar::policy_json_test
