#include "cedar/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "cedar/syntax/lexer.h"

namespace writ::cedar::format_test {
namespace {

std::string formatted(std::string_view text, FormatOptions options = {}) {
  const auto result = format_policies(text, options);
  return result ? *result : "does not parse: " + result.error().front().message;
}

TEST(Format, ShortPolicyStandsOnOneLine) {
  EXPECT_EQ(formatted("permit(principal,action,resource)  ;"), "permit (principal, action, resource);\n");
}

TEST(Format, ConditionsBeginLines) {
  EXPECT_EQ(formatted("permit(principal,action,resource)when{true}unless  {context.a==1};"),
            "permit (principal, action, resource)\n"
            "when { true }\n"
            "unless { context.a == 1 };\n");
}

TEST(Format, LongScopeAndConditionAreBroken) {
  EXPECT_EQ(formatted(R"(@id("view")permit(principal in Group::"a rather long name of a group",
                action == Action::"view", resource is Document)
                when { resource.owner == principal || resource.public && context.time < resource.expires };)"),
            R"(@id("view")
permit (
  principal in Group::"a rather long name of a group",
  action == Action::"view",
  resource is Document
)
when {
  resource.owner == principal ||
  resource.public && context.time < resource.expires
};
)");
}

TEST(Format, NestedBracketsAndBranchesAreIndented) {
  EXPECT_EQ(formatted(R"(permit (principal, action, resource) when {
     if principal.department == "a department" then context.x > 1 else [principal.alpha, principal.beta,
     principal.gamma, {key: "value", other: -1 - -2}].contains(context.something) };)"),
            R"(permit (principal, action, resource)
when {
  if principal.department == "a department"
  then context.x > 1
  else [
      principal.alpha,
      principal.beta,
      principal.gamma,
      { key: "value", other: -1 - -2 }
    ].contains(context.something)
};
)");
}

TEST(Format, NestedIfWithoutParenthesesKeepsItsBranches) {
  EXPECT_EQ(formatted("permit(principal,action,resource)when{if if true then false else true then if true "
                      "then 1==1 else 2==2 else 3==3};"),
            R"(permit (principal, action, resource)
when {
  if if true then false else true
  then if true then 1 == 1 else 2 == 2
  else 3 == 3
};
)");
}

TEST(Format, EveryCommentKeepsItsPlace) {
  EXPECT_EQ(formatted(R"(// file

// policy
permit ( // open
  principal, // who
  // what
  action,
  resource // where
  // close
)
when { // why
  true // yes
  // or
  || false
}; // end
// last)"),
            R"(// file

// policy
permit (  // open
  principal,  // who
  // what
  action,
  resource  // where
  // close
)
when {  // why
  true  // yes
  // or
  ||
  false
};  // end

// last
)");
}

TEST(Format, EmptyTextStaysEmpty) {
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("\n \n"), "");
  EXPECT_EQ(formatted("// only a comment"), "// only a comment\n");
}

TEST(Format, PoliciesAreSetApartByOneEmptyLine) {
  EXPECT_EQ(formatted("permit(principal,action,resource);forbid(principal,action,resource);\n\n\n\n"
                      "@a forbid(principal,action,resource);"),
            "permit (principal, action, resource);\n\nforbid (principal, action, resource);\n\n@a\nforbid "
            "(principal, action, resource);\n");
}

TEST(Format, StringsAreNeverTouched) {
  const std::string policy =
      "permit (principal, action, resource)\nwhen { context.a == \"  // no comment\\n   \" };\n";
  EXPECT_EQ(formatted(policy), policy);
  const std::string lines =
      "permit (principal, action, resource)\nwhen {\n  context.a ==\n    \"one\n two  \"\n};\n";
  EXPECT_EQ(formatted(lines), lines);
}

TEST(Format, TextThatDoesNotParseIsNotFormatted) {
  const auto result = format_policies("permit(principal, action resource);");
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().front().message, ::testing::HasSubstr("expected"));
}

// Comments and line breaks at every place where white space may stand, by chance.
TEST(Format, RandomCommentsAreKeptAndFormattingTwiceChangesNothing) {
  constexpr std::string_view kText = R"(
    @id("a") @b permit (principal is A::B in ?principal, action in [Action::"x", Action::"y",], resource)
    when { if principal has a.b && !principal.a.b.isEmpty() then -context.n * 2 - -3 <= 4 else
           {a: [1, (2 + 3)], "b c": decimal("1.0")}["b c"].lessThan(context.d) || context.s like "a*\*" }
    unless { principal is A::B in [resource, A::B::"x"] && resource.hasTag("t") };
    forbid (principal, action, resource == R::"r");)";
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    std::vector<std::string> comments;
    Lexer lexer(kText);
    for (Token token = lexer.next();; token = lexer.next()) {
      for (auto i = random() % 3; i > 0; --i) {
        constexpr std::string_view kSpaces[] = {" ", "\n", "\n\n", "\r\n", "\t"};
        text += kSpaces[random() % 5];
        if (random() % 6 != 0) continue;
        comments.push_back("// comment " + std::to_string(comments.size()));
        text += comments.back() + (random() % 2 != 0 ? " \n" : "\n");
      }
      if (token.kind == TokenKind::kEnd) break;
      text.append(" ").append(token.text);
    }
    const FormatOptions options{.width = 20 + random() % 100};
    const std::string once = formatted(text, options);
    ASSERT_EQ(formatted(once, options), once) << text;
    std::size_t at = 0;
    for (const std::string& comment : comments) {
      at = once.find(comment, at);
      ASSERT_NE(at, once.npos) << comment << " is lost in\n" << once;
    }
  }
}

TEST(Format, DeepAndWideTextTakesNoMoreThanItsShare) {
  std::string deep = "permit(principal,action,resource) when {" + std::string(400, '(') + "true" +
                     std::string(400, ')') + "};";
  EXPECT_EQ(formatted(formatted(deep)), formatted(deep));
  std::string wide = "permit(principal,action,resource) when { true";
  for (int i = 0; i < 20000; ++i) wide += " && context.a[\"" + std::to_string(i) + "\"]";
  wide += "};";
  EXPECT_GT(formatted(wide).size(), wide.size());
}

}  // namespace
}  // namespace writ::cedar::format_test
