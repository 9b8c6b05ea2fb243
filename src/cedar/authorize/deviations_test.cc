// Where Writ's Cedar differs from the reference on purpose (docs/cedar.md), each with its test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "cedar/policy_json.h"
#include "cedar/print.h"

namespace writ::cedar::deviations_test {
namespace {

using ::testing::HasSubstr;

std::string entities_complaint(std::string_view attributes) {
  const auto entities = entities_from_json(R"([{"uid": {"type": "User", "id": "u"}, "attrs": )" +
                                           std::string(attributes) + R"(, "parents": []}])");
  return entities ? "" : entities.error().message;
}

std::string policy_complaint(std::string_view more) {
  const auto policy = parse_policies_json(
      R"({"templates": {}, "templateLinks": [], "staticPolicies": {"p": {"effect": "permit", "principal": {"op": "All"},
          "action": {"op": "All"}, "resource": {"op": "All"}, "conditions": [])" +
      std::string(more) + "}}}");
  return policy ? "" : policy.error().message;
}

TEST(Deviations, NestingIsBounded) {
  EXPECT_FALSE(parse_expression(std::string(600, '(') + "true" + std::string(600, ')')).has_value());
}

TEST(Deviations, NamesAreBounded) {
  EXPECT_TRUE(parse_expression("principal is " + std::string(65535, 'a')).has_value());
  EXPECT_FALSE(parse_expression("principal is " + std::string(65536, 'a')).has_value());
}

TEST(Deviations, JsonIsStrict) {
  EXPECT_EQ(entities_complaint("{}"), "");
  EXPECT_THAT(entities_complaint(R"({"a": 1, "a": 1})"), HasSubstr("duplicate"));
  EXPECT_THAT(entities_complaint(R"({"a": 9223372036854775808})"), HasSubstr("does not fit"));
  EXPECT_NE(entities_complaint(R"({"a": 1.0})"), "");
  EXPECT_NE(entities_complaint("{\"a\": \"\\ud800\"}"), "");
}

TEST(Deviations, PolicyJsonHasNoUnknownMembers) {
  EXPECT_EQ(policy_complaint(""), "");
  EXPECT_THAT(policy_complaint(R"(, "note": 1)"), HasSubstr("unknown member `note`"));
}

TEST(Deviations, ButNullIsWhatIsAbsent) {
  const auto policies = parse_policies_json(
      R"({"templates": {}, "templateLinks": [], "staticPolicies": {"p": {"effect": "permit",
          "principal": {"op": "is", "entity_type": "User", "in": null}, "action": {"op": "All"}, "resource": {"op": "All"},
          "conditions": [{"kind": "when", "body": {"is": {"left": {"Var": "resource"}, "entity_type": "File", "in": null}}}]}}})");
  ASSERT_TRUE(policies.has_value()) << policies.error().message;
  EXPECT_EQ(policies->policies[0].principal.rule, ScopeTerm::Rule::kIs);
  EXPECT_EQ(print_expression(policies->policies[0].conditions[0].body), "resource is File");
}

TEST(Deviations, AMethodOfPolicyJsonHasItsReceiver) {
  const auto policies = parse_policies_json(
      R"({"templates": {}, "templateLinks": [], "staticPolicies": {"p": {"effect": "permit", "principal": {"op": "All"},
          "action": {"op": "All"}, "resource": {"op": "All"},
          "conditions": [{"kind": "when", "body": {"isIpv6": []}}]}}})");
  ASSERT_FALSE(policies.has_value());
  EXPECT_THAT(policies.error().message, HasSubstr("`isIpv6` is a method and needs its receiver"));
}

TEST(Deviations, ATemplateHasASlot) {
  const auto policies = parse_policies_json(
      R"({"staticPolicies": {}, "templateLinks": [], "templates": {"t": {"effect": "permit", "principal": {"op": "All"},
          "action": {"op": "All"}, "resource": {"op": "All"}, "conditions": []}}})");
  ASSERT_FALSE(policies.has_value());
  EXPECT_THAT(policies.error().message, HasSubstr("at `/templates/t`: a template needs a slot"));
}

TEST(Deviations, ChainsOfPolicyJsonAreOne) {
  const auto policy = parse_policies_json(
      R"({"templates": {}, "templateLinks": [], "staticPolicies": {"p": {"effect": "permit", "principal": {"op": "All"},
          "action": {"op": "All"}, "resource": {"op": "All"}, "conditions": [{"kind": "when", "body": {"&&": {
            "left": {"Value": true}, "right": {"&&": {"left": {"Value": true}, "right": {"Value": false}}}}}}]}}})");
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(print_expression(policy->policies[0].conditions[0].body), "true && true && false");
}

TEST(Deviations, MinusZeroIsZero) {
  EXPECT_EQ(entities_complaint(R"({"a": -0})"), "");
}

TEST(Deviations, ThereIsNoFunctionUnknown) {
  EXPECT_THAT(entities_complaint(R"({"a": {"__extn": {"fn": "unknown", "arg": "x"}}})"),
              HasSubstr("`unknown`"));
}

TEST(Deviations, AnObjectIsNoListOfItsValues) {
  EXPECT_FALSE(entities_from_json(R"([[["User", "u"], {}, []]])").has_value());
}

TEST(Deviations, ASlotStandsInAScopeOnly) {
  EXPECT_FALSE(parse_expression("?principal").has_value());
}

}  // namespace
}  // namespace writ::cedar::deviations_test
