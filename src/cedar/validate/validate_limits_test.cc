// What schemas and the validator do with input that nobody would write: every limit.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/parse.h"
#include "cedar/schema_syntax.h"
#include "cedar/validate.h"
#include "cedar/validate/typecheck.h"
#include "cedar/validate/validate_levels.h"

namespace writ::cedar::validate_limits_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_issues(std::string_view text) {
  const auto schema = schema_from_text(text);
  return schema ? "accepted" : schema.error().front().message;
}
std::string json_issues(std::string_view text) {
  const auto schema = schema_from_json(text);
  return schema ? "accepted" : schema.error().front().message;
}

SchemaPtr schema(std::string_view text) {
  const auto parsed = schema_from_text(text);
  if (!parsed) ADD_FAILURE() << parsed.error().front().message;
  return parsed ? *parsed : nullptr;
}

Validation checked(const SchemaPtr& schema, std::string_view text, const ValidationOptions& options = {}) {
  const auto policies = parse_policies(text);
  if (!policies) ADD_FAILURE() << policies.error().front().message;
  return validate(*schema, *policies, options, text);
}

std::string when(std::string_view condition) {
  return fmt::format("permit(principal, action, resource) when {{ {} }};", condition);
}

TEST(SchemaLimits, AFragmentHasAtMostKMaxSchemaBytes) {
  std::string text = "entity A;";
  text.resize(kMaxSchemaBytes, ' ');
  EXPECT_EQ(text_issues(text), "accepted");
  text += ' ';
  EXPECT_EQ(text_issues(text), "the schema has 16777217 bytes, at most 16777216 are read");
  std::string json = R"({"": {"entityTypes": {}, "actions": {}}})";
  json.resize(kMaxSchemaBytes, ' ');
  EXPECT_EQ(json_issues(json), "accepted");
  EXPECT_THAT(json_issues(json + ' '), HasSubstr("16777216"));
}

TEST(SchemaLimits, JsonIsReadToADepthOfAThousand) {
  const auto nested = [](int depth) {
    return R"({"": {"entityTypes": {}, "actions": {}, "x": )" + std::string(depth, '[') +
           std::string(depth, ']') + "}}";
  };
  EXPECT_THAT(json_issues(nested(998)), HasSubstr("unknown member `x`")) << "it was read, and understood";
  EXPECT_THAT(json_issues(nested(999)), HasSubstr("1000"));
  EXPECT_THAT(json_issues(nested(1'000'000)), HasSubstr("1000"));
}

TEST(SchemaLimits, TypesNestAtMostKMaxTypeNesting) {
  const auto sets = [](std::size_t n) {
    std::string text = "Long";
    for (std::size_t i = 0; i < n; ++i) text = "Set<" + text + ">";
    return text_issues("type T = " + text + ";");
  };
  EXPECT_EQ(sets(kMaxTypeNesting), "accepted");
  EXPECT_EQ(sets(kMaxTypeNesting + 1), "this type is nested too deeply");
  const auto records = [](std::size_t n) {
    std::string text = "Long";
    for (std::size_t i = 0; i < n; ++i) text = "{a: " + text + "}";
    return text_issues("type T = " + text + ";");
  };
  EXPECT_EQ(records(kMaxTypeNesting), "accepted");
  EXPECT_EQ(records(kMaxTypeNesting + 1), "this type is nested too deeply");
  std::string open = "type T = ";
  for (int i = 0; i < 200'000; ++i) open += i % 2 == 0 ? "Set<" : "{a: ";
  EXPECT_EQ(text_issues(open), "this type is nested too deeply");
  // Of types beside one another there may be any number.
  std::string wide = "entity E {";
  for (int i = 0; i < 10'000; ++i) wide += fmt::format("a{}: Set<Set<Long>>,", i);
  EXPECT_EQ(text_issues(wide + "};"), "accepted");
}

TEST(SchemaLimits, JsonTypesNestAtMostKMaxTypeNesting) {
  const auto nested = [](std::size_t n, std::string_view before, std::string_view after) {
    std::string type = R"({"type": "Long"})";
    for (std::size_t i = 0; i < n; ++i) type = fmt::format("{}{}{}", before, type, after);
    return json_issues(
        fmt::format(R"({{"": {{"commonTypes": {{"T": {}}}, "entityTypes": {{}}, "actions": {{}}}}}})", type));
  };
  for (const auto& [before, after] : {std::pair{R"({"type": "Set", "element": )", "}"},
                                      {R"({"type": "Record", "attributes": {"a": )", "}}"}}) {
    EXPECT_EQ(nested(kMaxTypeNesting - 1, before, after), "accepted");
    EXPECT_THAT(nested(kMaxTypeNesting, before, after), HasSubstr("nested too deeply"));
  }
}

// Common types that stand on the one before: `type T0001 = Set<T0000>`.
std::string tower(std::size_t height, std::string_view form) {
  std::string text = "type T0000 = Long;";
  for (std::size_t i = 1; i <= height; ++i)
    text += fmt::format("type T{:04} = ", i) + fmt::format(fmt::runtime(form), fmt::format("T{:04}", i - 1)) +
            ";";
  return text;
}

TEST(SchemaLimits, ATypeIsAtMostKMaxHeightHighWithItsCommonTypes) {
  EXPECT_EQ(text_issues(tower(Type::kMaxHeight, "Set<{0}>")), "accepted");
  EXPECT_EQ(text_issues(tower(Type::kMaxHeight + 1, "Set<{0}>")), "the common type `T0501` is too large");
  EXPECT_EQ(text_issues(tower(Type::kMaxHeight + 1, "{{a: {0}}}")), "the common type `T0501` is too large");
  const auto full = tower(Type::kMaxHeight, "{{a: {0}}}");
  EXPECT_EQ(text_issues(full + "entity E = T0500;"),
            "unexpected `T0500`, expected `{` before the attributes");
  EXPECT_EQ(text_issues(full + "entity E { a: T0499 };"), "accepted");
  EXPECT_EQ(text_issues(full + "entity E { a: T0500 };"), "this type is too large");
  EXPECT_EQ(text_issues(full + "entity E tags T0500;"), "accepted");
  EXPECT_EQ(text_issues(full + "entity E tags Set<T0500>;"), "this type is too large");
  EXPECT_EQ(text_issues(full +
                        "entity E; action a appliesTo { principal: E, resource: E, context: { a: T0500 } };"),
            "this type is too large");
}

TEST(SchemaLimits, ATypeHoldsAtMostKMaxSizeTypes) {
  // Each is twice the one before, and one more: T0019 holds 2^20 - 1 types.
  EXPECT_EQ(text_issues(tower(19, "{{a: {0}, b: {0}}}")), "accepted");
  EXPECT_EQ(text_issues(tower(20, "{{a: {0}, b: {0}}}")), "the common type `T0020` is too large");
  EXPECT_EQ(text_issues(tower(60, "{{a: {0}, b: {0}}}")), "the common type `T0020` is too large");
  EXPECT_EQ(text_issues(tower(19, "{{a: {0}, b: {0}}}") + "entity E { a: T0019, b: T0019 };"),
            "this type is too large");
  EXPECT_EQ(text_issues(tower(19, "{{a: {0}, b: {0}}}") + "entity E tags { a: T0019, b: T0019 };"),
            "this type is too large");
}

TEST(SchemaLimits, CommonTypesReferToAtMost200OthersInTurn) {
  const auto chain = [](int length) {
    std::string text;
    for (int i = 0; i < length; ++i) text += fmt::format("type C{:06} = C{:06};", i, i + 1);
    return text_issues(text + fmt::format("type C{:06} = Long;", length));
  };
  EXPECT_EQ(chain(199), "accepted");
  EXPECT_THAT(chain(200), HasSubstr("refers to too many others in turn"));
  EXPECT_THAT(chain(100'000), HasSubstr("refers to too many others in turn"));
}

std::string hierarchy(std::size_t n, bool actions) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i)
    text += fmt::format(fmt::runtime(actions ? "action a{:05} in a{:05};" : "entity A{:05} in A{:05};"), i,
                        i + 1);
  return text + fmt::format(fmt::runtime(actions ? "action a{:05};" : "entity A{:05};"), n);
}

// A chain of n has n²/2 pairs.
TEST(SchemaLimits, AHierarchyHasAtMostKMaxHierarchyPairs) {
  std::size_t longest = 0;
  while ((longest + 1) * (longest + 2) / 2 <= Schema::kMaxHierarchyPairs) ++longest;
  EXPECT_EQ(text_issues(hierarchy(longest, false)), "accepted");
  EXPECT_EQ(text_issues(hierarchy(longest + 1, false)), "the hierarchy of entity types is too large");
  EXPECT_EQ(text_issues(hierarchy(longest + 1, true)), "the hierarchy of actions is too large");
}

// Each a member of every other: few pairs, and very many ways.
TEST(SchemaLimits, AHierarchyIsClosedInAtMostKMaxHierarchySteps) {
  const auto dense = [](int n) {
    std::string all, text;
    for (int i = 0; i < n; ++i) all += fmt::format("{}A{}", i == 0 ? "" : ",", i);
    for (int i = 0; i < n; ++i) text += fmt::format("entity A{} in [{}];", i, all);
    return text_issues(text);
  };
  EXPECT_EQ(dense(300), "accepted");
  EXPECT_EQ(dense(420), "the hierarchy of entity types is too large");
}

TEST(SchemaLimits, AtMostKMaxIssuesAreTold) {
  const auto count = [](const auto& parsed) { return parsed ? std::size_t{0} : parsed.error().size(); };
  std::string attributes, json;
  for (int i = 0; i < 500; ++i) {
    attributes += fmt::format("a{}: Nope,", i);
    json += fmt::format(R"({}"E{}": {{"nope": 1}})", i == 0 ? "" : ",", i);
  }
  EXPECT_EQ(count(schema_from_text("entity E {" + attributes + "};")), kMaxIssues);
  EXPECT_EQ(count(schema_from_json(R"({"": {"actions": {}, "entityTypes": {)" + json + "}}}")), kMaxIssues);
}

TEST(SchemaLimits, LongTokensAndTypesAreShownShort) {
  EXPECT_EQ(text_issues("entity " + std::string(30, '1') + ";"),
            "unexpected `111111111111111111111111111111`, expected the entity type's name");
  EXPECT_EQ(text_issues("entity " + std::string(41, '1') + ";"),
            "unexpected a long token, expected the entity type's name");
  std::string attributes;
  for (int i = 0; i < 1000; ++i) attributes += fmt::format("attribute{}: Set<String>, ", i);
  const auto shown = schema("entity E { r: {" + attributes + "} };")
                         ->find_entity_type("E")
                         ->attributes.at("r")
                         .type.to_string();
  EXPECT_LT(shown.size(), 500U);
  EXPECT_THAT(shown, HasSubstr("attribute0: Set<String>"));
}

TEST(SchemaLimits, IssuesAreOneLineWhateverTheNames) {
  EXPECT_EQ(json_issues("{\"\": {\"entityTypes\": {\"a\\nb\\u001b\": {}}, \"actions\": {}}}")
                .find_first_of("\n\x1b"),
            std::string::npos);
  EXPECT_EQ(text_issues("action \"a\nb\"; action \"a\nb\";"), "the action `a\\nb` is declared twice");
}

constexpr std::string_view kSmall =
    "entity User { name: String, friend: User }; action view appliesTo { principal: User, resource: User };";

TEST(ValidationLimits, AtMostAThousandErrorsAreFound) {
  const auto small = schema(kSmall);
  std::string many, one;
  for (int i = 0; i < 1200; ++i) many += when(fmt::format("principal.a{} == 1", i));
  for (int i = 0; i < 1200; ++i) one += fmt::format("principal.a{} == 1 || ", i);
  EXPECT_EQ(checked(small, many).errors.size(), 1000U);
  EXPECT_EQ(checked(small, when(one + "true")).errors.size(), 1000U);
  EXPECT_FALSE(checked(small, many).passed());
}

TEST(ValidationLimits, AtMostAThousandWarningsAreFound) {
  std::string many;
  for (int i = 0; i < 1200; ++i) many += when("1 == 2");
  const Validation result = checked(schema(kSmall), many);
  EXPECT_TRUE(result.passed());
  EXPECT_EQ(result.warnings.size(), 1000U);
}

// Each `has a.b` looks at its left side twice.
std::string doubling(int times) {
  std::string text = "principal";
  for (int i = 0; i < times; ++i) text = "(" + text + " has a.b)";
  return text;
}

TEST(ValidationLimits, TypecheckingAPolicyTakesABoundedNumberOfSteps) {
  const Validation result = checked(schema(kSmall), when(doubling(60)));
  EXPECT_EQ(result.errors.back().kind, FindingKind::kTooComplex);
}

// The types are equal, and only a walk over the whole of both can tell.
TEST(ValidationLimits, ComparingLargeTypesCountsAsSteps) {
  std::string text = tower(18, "{{a: {0}, b: {0}}}");
  std::string other = text;
  for (auto at = other.find('T'); at != other.npos; at = other.find('T', at)) other[at] = 'U';
  const auto large = schema(
      text + other +
      "entity User { x: T0018, y: U0018 }; action view appliesTo { principal: User, resource: User };");
  ASSERT_NE(large, nullptr);
  EXPECT_TRUE(checked(large, when("principal.x == principal.y")).passed());
  std::string many = "principal.x == principal.y";
  for (int i = 0; i < 10'000; ++i) many += " && principal.x == principal.y";
  const Validation result = checked(large, when(many));
  ASSERT_FALSE(result.passed());
  EXPECT_EQ(result.errors.front().kind, FindingKind::kTooComplex);
}

// The level checker walks what the typechecker has walked, which has the same limit; so it is asked alone
// here.
TEST(ValidationLimits, CheckingLevelsTakesABoundedNumberOfSteps) {
  const auto small = schema(kSmall);
  const auto policy = parse_policy(when(doubling(60)));
  const ValidationTree tree(*policy);
  TypedTree typed;
  typed.entries.resize(tree.size());
  typed.clauses = tree.clauses().size();
  const RequestTypes request{small->find_action("Action", "view"), "User", "User"};
  bool too_complex = false;
  const Typechecker::Report report = [&](FindingKind kind, Span, const std::string& message,
                                         const std::string&) {
    too_complex = too_complex || kind == FindingKind::kTooComplex;
    EXPECT_EQ(message, "the levels of this policy are too complex to be checked");
  };
  LevelChecker(tree, typed, request, 1, report).run();
  EXPECT_TRUE(too_complex);
}

TEST(ValidationLimits, SuggestionsAreForWordsOfAtMost60BytesAmongThousand) {
  const auto help = [](std::string_view declared, std::string_view used, int before = 0) {
    std::string names;
    for (int i = 0; i < before; ++i) names += fmt::format("a{:04}qqqqqqqqqqqqqqqqqqqqqqq: Long,", i);
    const auto with = schema(fmt::format(
        "entity User {{ {}{}: Long }}; action view appliesTo {{ principal: User, resource: User }};", names,
        declared));
    return checked(with, when(fmt::format("principal.{} == 1", used))).errors.front().issue.help;
  };
  EXPECT_EQ(help("tenant", "tennant"), "did you mean `tenant`?");
  const std::string long_word(59, 'w');
  EXPECT_EQ(help(long_word + "w", long_word + "v"), "did you mean `" + long_word + "w`?");
  EXPECT_EQ(help(long_word + "ww", long_word + "v"), "");
  EXPECT_EQ(help(long_word + "w", long_word + "vv"), "");
  EXPECT_EQ(help("tenant", "tennant", 999), "did you mean `tenant`?");
  EXPECT_EQ(help("tenant", "tennant", 1000), "");
}

}  // namespace
}  // namespace writ::cedar::validate_limits_test
