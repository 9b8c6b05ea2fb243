#include "cedar/print.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "base/testing/folders.h"
#include "cedar/format.h"
#include "cedar/parse.h"

namespace writ::cedar::print_test {
namespace {

std::string printed(std::string_view text) {
  const auto expr = parse_expression(text);
  return expr ? print_expression(*expr) : "does not parse: " + expr.error().front().message;
}

class Canonical : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Canonical, ExpressionIsPrintedAsItWasWritten) {
  EXPECT_EQ(printed(GetParam()), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Expressions, Canonical,
    ::testing::Values("true", "-5", "-9223372036854775808", "9223372036854775807", R"("a\n\"b\"\0")",
                      R"(A::B::"x")", "principal.a.b", R"(principal["a b"].c)", R"(principal["if"])",
                      "!principal.a", "!(!true)", "-(5)", "-context.x", "-(-context.x)", "(-5).a",
                      "1 + 2 - 3", "1 - (2 - 3)", "1 * 2 * 3", "1 * (2 * 3)", "(1 + 2) * 3", "1 + 2 * 3",
                      "1 - -5", "true && false || true", "true && (false || true)", "(true && false) && true",
                      "true && (false && true)", "(true || false) || true",
                      "1 < 2 && 2 <= 3 && 3 > 2 && 3 >= 3 && 1 != 2 && 1 == 1", "(1 < 2) == (2 < 3)",
                      "!(1 < 2)", "if true then 1 else if false then 2 else 3", "(if true then 1 else 2) + 3",
                      "1 == (if true then 1 else 2)", "[1, [2], if true then 3 else 4]",
                      R"({a: 1, "b c": 2, "if": 3})", "{}", "[]", "context has a", R"(context has "a b")",
                      "context has a.b.c", R"(context.s like "a*b\*c\"*")", "principal is A::B",
                      R"(principal is A::B in A::B::"g")", "(principal is A) == true",
                      "resource.s.contains(1)", "resource.s.containsAll([1]).x", "resource.s.containsAny([])",
                      "resource.s.isEmpty()", R"(resource.hasTag("t") && resource.getTag("t") == 1)",
                      R"(ip("10.0.0.1").isInRange(ip("::1/8")))", R"(decimal("1.0").lessThan(context.d))",
                      "(1 + 2).a", "principal in [resource, resource.owner]",
                      "(principal in resource) in resource", R"("a" like "b")", R"("a" + "b" like "c")"));

TEST(Print, LeavesOutParenthesesThatSayNothing) {
  EXPECT_EQ(printed("((1 + (2)) + 3) == (((4)))"), "1 + 2 + 3 == 4");
  EXPECT_EQ(printed("(a::T::\"x\")"), "a::T::\"x\"");
}

// Prints what was parsed and parses it again.
void expect_round_trip(std::string_view text, const std::string& where) {
  const auto parsed = parse_policies(text);
  if (!parsed) return;
  const std::string printed = print_policies(*parsed);
  const auto again = parse_policies(printed);
  ASSERT_TRUE(again.has_value()) << where << "\n" << printed;
  const auto same = [](const Policy& a, const Policy& b) { return a.id == b.id && a.same_as(b); };
  EXPECT_TRUE(std::ranges::equal(parsed->policies, again->policies, same)) << where << "\n" << printed;
  EXPECT_TRUE(std::ranges::equal(parsed->templates, again->templates, same)) << where << "\n" << printed;

  const auto formatted = format_policies(text);
  ASSERT_TRUE(formatted.has_value()) << where;
  EXPECT_EQ(format_policies(*formatted), *formatted) << where << ": formatting twice changes the text";
  const auto formatted_set = parse_policies(*formatted);
  ASSERT_TRUE(formatted_set.has_value()) << where;
  EXPECT_TRUE(std::ranges::equal(parsed->policies, formatted_set->policies, same)) << where;
}

TEST(Print, PoliciesAreTheSameWhenTheyAreParsedAgain) {
  expect_round_trip(R"(
    // leading
    @id("one") @note @empty("")
    permit (principal == A::"x", action in [Action::"a", B::Action::"b"], resource is R in R::"g")
    when { context.a == 1 } unless { false };
    forbid (principal in ?principal, action in [], resource == ?resource);  // trailing
    permit (principal is T, action == Action::"a", resource in R::"x") when { if true then false else true };
    forbid (principal is T in ?principal, action in Action::"g", resource is R);
  )",
                    "text");
}

TEST(Print, KeepsTheOrderOfPoliciesAndTemplates) {
  const auto set = parse_policies(R"(
    permit (principal == ?principal, action, resource);
    forbid (principal, action, resource);
  )");
  ASSERT_TRUE(set.has_value());
  EXPECT_THAT(print_policies(*set), ::testing::StartsWith("permit (principal == ?principal"));
}

TEST(Print, EveryPolicyOfTheConformanceDataRoundTrips) {
  const std::filesystem::path folder = conformance_path("cedar");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".cedar") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    expect_round_trip(text.str(), entry.path());
    ++count;
  }
  EXPECT_GT(count, 20u);
}

}  // namespace
}  // namespace writ::cedar::print_test
