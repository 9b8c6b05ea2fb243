// Policies: scope, annotations, templates, and what the parser says of mistakes.
#include "cedar/parse.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/symbols.h"

namespace writ::cedar::parse_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Rule = ScopeTerm::Rule;

// "LINE:COLUMN: MESSAGE" for each, or "accepted".
template <class T>
std::string issues_of(const Parsed<T>& parsed) {
  std::string out;
  if (parsed) return "accepted";
  for (const Issue& issue : parsed.error())
    out += fmt::format("{}{}:{}: {}", out.empty() ? "" : "\n", issue.line, issue.column, issue.message);
  return out;
}
std::string issues(std::string_view text) {
  return issues_of(parse_policies(text));
}
// Of the scope alone.
std::string scope_issues(std::string_view scope) {
  return issues(fmt::format("permit({});", scope));
}
std::string help_of(std::string_view text) {
  const auto parsed = parse_policies(text);
  return parsed ? "accepted" : parsed.error().front().help;
}

std::string shown(const ScopeTerm& term) {
  static constexpr std::string_view kRules[] = {"any", "==", "in", "is", "is in", "in any"};
  std::string out(kRules[static_cast<std::size_t>(term.rule)]);
  if (!term.type.empty()) out += " " + term.type;
  if (term.slot) out += " slot";
  for (const EntityUid& uid : term.entities) append_entity(out += " ", uid.type, uid.id);
  return out;
}
// The three terms of one policy's scope.
std::string scope(std::string_view text) {
  const auto policy = parse_policy(fmt::format("permit({});", text));
  if (!policy) return issues_of(policy);
  return fmt::format("{}, {}, {}", shown(policy->principal), shown(policy->action), shown(policy->resource));
}

TEST(ParsePolicies, NumbersThemByTheirPlaceInTheText) {
  const auto set = parse_policies(R"(
    permit (principal, action, resource);
    forbid (principal == ?principal, action, resource);
    // A comment.
    forbid (principal, action, resource) when { true } unless { false } when { context.a };)");
  ASSERT_TRUE(set.has_value());
  ASSERT_EQ(set->policies.size(), 2U);
  ASSERT_EQ(set->templates.size(), 1U);
  EXPECT_EQ(set->policies[0].id, "policy0");
  EXPECT_EQ(set->templates[0].id, "policy1");
  EXPECT_EQ(set->policies[1].id, "policy2");
  EXPECT_EQ(set->policies[0].effect, Effect::kPermit);
  EXPECT_EQ(set->policies[1].effect, Effect::kForbid);
  EXPECT_THAT(set->policies[0].conditions, IsEmpty());
  ASSERT_EQ(set->policies[1].conditions.size(), 3U);
  EXPECT_FALSE(set->policies[1].conditions[0].unless);
  EXPECT_TRUE(set->policies[1].conditions[1].unless);
  EXPECT_FALSE(set->policies[1].conditions[2].unless);
}

TEST(ParsePolicies, NoPolicyIsASetToo) {
  for (const auto* text : {"", "  \n\t", "// nothing", "//"}) {
    const auto set = parse_policies(text);
    ASSERT_TRUE(set.has_value()) << text;
    EXPECT_TRUE(set->policies.empty() && set->templates.empty() && set->links.empty());
  }
}

TEST(ParsePolicies, SpaceAndCommentsMayStandAnywhere) {
  const std::string_view tight = R"(@id("x")permit(principal==A::"b",action,resource)when{1<2&&context.a};)";
  const std::string_view wide = R"(
    @ id // name
    ( "x" ) permit // effect
    ( principal == A :: "b" , action , resource , ) // scope
    when { 1 < 2 // first
      && context . a } ; // done)";
  EXPECT_TRUE(parse_policy(tight)->same_as(*parse_policy(wide)));
}

TEST(ParsePolicies, TellsWhereAPolicyStands) {
  const std::string_view text = "// a\n@id(\"x\")\npermit(principal, action, resource is A) when { true };\n";
  const auto set = parse_policies(text);
  ASSERT_TRUE(set.has_value());
  const Policy& policy = set->policies[0];
  const auto written = [&](Span span) { return text.substr(span.begin, span.end - span.begin); };
  EXPECT_EQ(written(policy.span), "@id(\"x\")\npermit(principal, action, resource is A) when { true };");
  EXPECT_EQ(written(policy.annotations[0].span), "@id(\"x\")");
  EXPECT_EQ(written(policy.principal.span), "principal");
  EXPECT_EQ(written(policy.resource.span), "resource is A");
  EXPECT_EQ(written(policy.conditions[0].span), "when { true }");
  EXPECT_EQ(written(policy.conditions[0].body.span), "true");
}

TEST(ParsePolicies, OnePolicyHasTheIdThatItIsGiven) {
  EXPECT_EQ(parse_policy("permit(principal, action, resource);", "mine")->id, "mine");
  EXPECT_EQ(issues_of(parse_policy("")),
            "1:1: unexpected the end of the text, expected `permit` or `forbid`");
  EXPECT_EQ(
      issues_of(parse_policy("permit(principal, action, resource); permit(principal, action, resource);")),
      "1:38: unexpected `permit`, expected the end of the text");
}

TEST(ParseScope, KnowsEveryForm) {
  EXPECT_EQ(scope("principal, action, resource"), "any, any, any");
  EXPECT_EQ(scope("principal, action, resource,"), "any, any, any");
  EXPECT_EQ(scope(R"(principal == N::User::"a", action == N::Action::"b", resource == Doc::"c")"),
            R"(== N::User::"a", == N::Action::"b", == Doc::"c")");
  EXPECT_EQ(scope(R"(principal in Group::"a", action in Action::"b", resource in Folder::"c")"),
            R"(in Group::"a", in Action::"b", in Folder::"c")");
  EXPECT_EQ(scope("principal is N::User, action, resource is Doc"), "is N::User, any, is Doc");
  EXPECT_EQ(scope(R"(principal is User in Group::"a", action, resource is Doc in Folder::"b")"),
            R"(is in User Group::"a", any, is in Doc Folder::"b")");
  EXPECT_EQ(scope(R"(principal, action in [Action::"a", N::Action::"b"], resource)"),
            R"(any, in any Action::"a" N::Action::"b", any)");
  EXPECT_EQ(scope(R"(principal, action in [Action::"a",], resource)"), R"(any, in any Action::"a", any)");
  EXPECT_EQ(scope("principal, action in [], resource"), "any, in any, any") << "no action at all";
  EXPECT_EQ(scope(R"(principal == ((User::"a")), action in ([(Action::"b")]), resource)"),
            R"(== User::"a", in any Action::"b", any)");
}

TEST(ParseScope, SlotsMakeATemplate) {
  EXPECT_EQ(scope("principal == ?principal, action, resource in ?resource"), "== slot, any, in slot");
  EXPECT_EQ(scope("principal is User in ?principal, action, resource == (?resource)"),
            "is in User slot, any, == slot");
  EXPECT_TRUE(parse_policy("permit(principal, action, resource in ?resource);")->is_template());
  EXPECT_FALSE(parse_policy("permit(principal, action, resource);")->is_template());
  EXPECT_EQ(scope_issues("principal == ?resource, action, resource"),
            "1:21: the slot `?resource` cannot stand here");
  EXPECT_EQ(scope_issues("principal == ?user, action, resource"), "1:21: the slot `?user` cannot stand here");
  EXPECT_EQ(scope_issues("principal, action == ?action, resource"),
            "1:29: the slot `?action` cannot stand here");
  EXPECT_EQ(scope_issues("principal, action in ?resource, resource"),
            "1:29: the slot `?resource` cannot stand here");
  EXPECT_THAT(scope_issues("principal, action in [?resource], resource"),
              HasSubstr("expected an entity such as"));
  EXPECT_THAT(scope_issues("principal is ?principal, action, resource"), HasSubstr("expected a name"));
  EXPECT_THAT(scope_issues("?principal, action, resource"), HasSubstr("expected `principal`"));
}

TEST(ParseScope, HasPrincipalActionAndResourceInThisOrder) {
  EXPECT_EQ(scope_issues(""),
            "1:8: unexpected `)`, expected `principal` (the scope is principal, action, resource)");
  EXPECT_EQ(scope_issues("principal"), "1:17: unexpected `)`, expected `,` after the principal");
  EXPECT_EQ(scope_issues("principal, action"), "1:25: unexpected `)`, expected `,` after the action");
  EXPECT_EQ(scope_issues("action, principal, resource"),
            "1:8: unexpected `action`, expected `principal` (the scope is principal, action, resource)");
  EXPECT_EQ(scope_issues("principal, action, resource, context"),
            "1:37: `context` does not belong in the scope");
  EXPECT_EQ(scope_issues("principal, action, resource,,"),
            "1:36: unexpected `,`, expected `)` after the scope");
  EXPECT_EQ(scope_issues("(principal), action, resource"),
            "1:8: unexpected `(`, expected `principal` (the scope is principal, action, resource)");
  EXPECT_EQ(issues("permit principal, action, resource;"),
            "1:8: unexpected `principal`, expected `(` before the scope");
}

TEST(ParseScope, TakesOnlyItsOwnOperators) {
  for (const auto* op : {"<", "<=", ">", ">=", "!="})
    EXPECT_EQ(scope_issues(fmt::format("principal {} User::\"a\", action, resource", op)),
              fmt::format("1:18: `{}` cannot be used in the scope", op));
  EXPECT_EQ(scope_issues(R"(principal = User::"a", action, resource)"),
            "1:18: `=` cannot be used in the scope");
  EXPECT_EQ(help_of(R"(permit(principal = User::"a", action, resource);)"), "use `==` to test for equality");
  EXPECT_EQ(scope_issues(R"(principal is User == User::"a", action, resource)"),
            "1:26: `is` and `==` cannot be combined in the scope");
  EXPECT_EQ(scope_issues(R"(principal in Group::"a" is User, action, resource)"),
            "1:32: `is` cannot stand after `in`");
  EXPECT_EQ(scope_issues("principal, action is Action, resource"),
            "1:26: `is` cannot be used with the action");
  EXPECT_EQ(scope_issues("principal: User, action, resource"), "1:17: a type after `:` is not supported");
  EXPECT_EQ(help_of("permit(principal: User, action, resource);"),
            "write `principal is Type` to test the type");
  EXPECT_EQ(scope_issues(R"(principal in [User::"a"], action, resource)"),
            "1:21: a list of entities is not allowed here");
  EXPECT_EQ(scope_issues(R"(principal, action == [Action::"a"], resource)"),
            "1:29: a list of entities is not allowed here");
  for (const auto* more : {"has a", "like \"a\"", "&& true", "== User::\"a\" && true", "== User::\"a\".b",
                           "== User::\"a\" == User::\"b\"", "in Group::\"a\" in Group::\"b\""})
    EXPECT_THAT(scope_issues(fmt::format("principal {}, action, resource", more)),
                HasSubstr("expected `,` after the principal"))
        << more;
}

TEST(ParseScope, TakesOnlyEntities) {
  EXPECT_EQ(scope_issues("principal == User, action, resource"), "1:21: `User` is not an entity");
  EXPECT_EQ(scope_issues("principal == User::x, action, resource"), "1:21: `User::x` is not an entity");
  EXPECT_EQ(scope_issues("principal == principal, action, resource"), "1:21: `principal` is not an entity");
  for (const auto* other : {"1", "\"a\"", "!User::\"a\"", "-1", "{}", "()", ""})
    EXPECT_THAT(scope_issues(fmt::format("principal == {}, action, resource", other)),
                HasSubstr("expected an entity such as `User::\"alice\"`"))
        << other;
  EXPECT_EQ(scope_issues(R"(principal == if::"a", action, resource)"),
            "1:21: `if` is a reserved word, not a name");
  EXPECT_EQ(scope_issues(R"(principal is A::__cedar, action, resource)"),
            "1:24: `__cedar` is a reserved word, not a name");
}

TEST(ParseScope, AnActionIsOfATypeCalledAction) {
  for (const auto* good : {"Action", "N::Action", "A::B::Action"})
    EXPECT_EQ(scope_issues(fmt::format("principal, action == {}::\"a\", resource", good)), "accepted");
  for (const auto* bad : {"User", "action", "MyAction", "Action::Group"})
    EXPECT_EQ(scope_issues(fmt::format("principal, action in [{}::\"a\"], resource", bad)),
              fmt::format("1:19: `{}::\"a\"` is not an action", bad));
}

TEST(ParseAnnotations, KnowsEveryForm) {
  const auto policy =
      parse_policy(R"(@a @b() @c("d \u{41}\n") @if("x") @__cedar("y") permit(principal, action, resource);)");
  EXPECT_EQ(issues_of(policy), "1:7: unexpected `)`, expected a string as the annotation's value");
  const auto good = parse_policy(R"(@a @c("d \u{41}\n") @if("x") @__cedar("y") @principal("")
                                    permit(principal, action, resource);)");
  ASSERT_TRUE(good.has_value()) << issues_of(good);
  std::vector<std::string> all;
  for (const Annotation& annotation : good->annotations)
    all.push_back(annotation.name + "=" + annotation.value.value_or("(none)"));
  EXPECT_THAT(all, ElementsAre("a=(none)", "c=d A\n", "if=x", "__cedar=y", "principal="));
  ASSERT_NE(good->annotation("c"), nullptr);
  EXPECT_EQ(good->annotation("c")->value, "d A\n");
  EXPECT_EQ(good->annotation("nope"), nullptr);
}

TEST(ParseAnnotations, WithoutAValueIsLikeWithAnEmptyOne) {
  EXPECT_TRUE(parse_policy("@a permit(principal, action, resource);")
                  ->same_as(*parse_policy("@a(\"\") permit(principal, action, resource);")));
}

TEST(ParseAnnotations, TellsWhatIsWrong) {
  const auto with = [](std::string_view text) {
    return issues(fmt::format("{} permit(principal, action, resource);", text));
  };
  EXPECT_EQ(with("@a(\"b\") @a"), "1:9: the annotation `@a` is given twice");
  EXPECT_EQ(with("@1"), "1:2: unexpected `1`, expected the annotation's name after `@`");
  EXPECT_EQ(with("@\"a\""), "1:2: unexpected `\"a\"`, expected the annotation's name after `@`");
  EXPECT_EQ(with("@a(b)"), "1:4: unexpected `b`, expected a string as the annotation's value");
  EXPECT_EQ(with("@a(\"b\", \"c\")"), "1:7: unexpected `,`, expected `)` after the annotation's value");
  EXPECT_EQ(with("@a::b(\"c\")"), "1:3: unexpected `::`, expected `permit` or `forbid`");
  EXPECT_EQ(with("@a = \"b\""), "1:4: unexpected `=`, expected `permit` or `forbid`");
  EXPECT_EQ(with("@a(\"\\q\")"), "1:5: the escape `\\q` is unknown");
  EXPECT_EQ(issues("permit @a (principal, action, resource);"),
            "1:8: unexpected `@`, expected `(` before the scope");
}

TEST(ParseIssues, OfAPolicysOutline) {
  EXPECT_EQ(issues("allow(principal, action, resource);"),
            "1:1: `allow` is not an effect, expected `permit` or `forbid`");
  EXPECT_EQ(issues("Permit(principal, action, resource);"),
            "1:1: `Permit` is not an effect, expected `permit` or `forbid`");
  EXPECT_EQ(issues(";"), "1:1: unexpected `;`, expected `permit` or `forbid`");
  EXPECT_EQ(issues("\"permit\"(principal, action, resource);"),
            "1:1: unexpected `\"permit\"`, expected `permit` or `forbid`");
  EXPECT_EQ(
      issues("permit(principal, action, resource)"),
      "1:36: unexpected the end of the text, expected `when`, `unless` or `;` at the end of the policy");
  EXPECT_EQ(issues("permit(principal, action, resource) permit(principal, action, resource);"),
            "1:37: `permit` does not begin a condition, expected `when` or `unless`");
  EXPECT_EQ(issues("permit(principal, action, resource) when true;"),
            "1:42: unexpected `true`, expected `{` after `when`");
  EXPECT_EQ(issues("permit(principal, action, resource) when { true;"),
            "1:48: unexpected `;`, expected `}` or an operator after the condition");
  EXPECT_EQ(issues("permit(principal, action, resource) when {} unless { };"),
            "1:37: this `when` has no condition\n1:45: this `unless` has no condition");
  EXPECT_EQ(issues("permit(principal, action, resource) { true };"),
            "1:37: unexpected `{`, expected `when`, `unless` or `;` at the end of the policy");
}

TEST(ParseIssues, OfAConditionSayWhatWasExpected) {
  const auto when = [](std::string_view text) {
    return issues(fmt::format("permit(principal,action,resource)when{{{}}};", text));
  };
  EXPECT_EQ(when("1 +"), "1:42: unexpected `}`, expected an expression");
  EXPECT_EQ(when("== 1"), "1:39: unexpected `==`, expected an expression");
  EXPECT_EQ(when("(1"), "1:41: unexpected `}`, expected `)` or an operator");
  EXPECT_EQ(when("1)"), "1:40: unexpected `)`, expected `}` or an operator after the condition");
  EXPECT_EQ(when("1 2"), "1:41: unexpected `2`, expected `}` or an operator after the condition");
  EXPECT_EQ(when("1 = 2"), "1:41: `=` is not an operator");
  EXPECT_EQ(when("1 / 2 % 3"), "1:41: Cedar has no operator `/`\n1:45: Cedar has no operator `%`");
  EXPECT_EQ(when("1 & 2"), "1:41: unexpected `&`, expected `}` or an operator after the condition");
  EXPECT_EQ(when("'a'"), "1:39: unexpected `'`, expected an expression");
  EXPECT_EQ(when("A::{a: 1}"), "1:42: an entity's id is a string");
  EXPECT_EQ(when("A::"), "1:42: unexpected `}`, expected the entity's id in quotes");
  EXPECT_EQ(when("principal."), "1:49: unexpected `}`, expected an attribute's name");
  EXPECT_EQ(help_of("permit(principal,action,resource)when{a};"),
            "the variables are principal, action, resource and context; text is written in quotes");
}

TEST(ParseIssues, ManyAreFoundInOneRun) {
  EXPECT_EQ(issues("permit(principal, action, resource) when { a && context.if == b };\n"
                   "permit(principal, action);\n"
                   "permit(principal, action, resource);\n"
                   "allow(principal == User, action, resource);\n"
                   "forbid(principal, action, resource) when { foo(1) && 99999999999999999999 == 1 && {a: 1, "
                   "a: 2} == \"\\q\" };"),
            "1:44: `a` is not a variable\n"
            "1:57: `if` is a reserved word\n"
            "1:63: `b` is not a variable\n"
            "2:25: unexpected `)`, expected `,` after the action\n"
            "4:1: `allow` is not an effect, expected `permit` or `forbid`\n"
            "4:20: `User` is not an entity\n"
            "5:44: there is no function `foo`\n"
            "5:54: the number `99999999999999999999` is too large\n"
            "5:90: the key `a` is given twice\n"
            "5:100: the escape `\\q` is unknown");
}

TEST(ParseIssues, ComeInTheOrderOfTheText) {
  EXPECT_EQ(issues("permit(principal, action == if::\"a\", resource);"),
            "1:19: `if::\"a\"` is not an action\n1:29: `if` is a reserved word, not a name");
}

TEST(ParseIssues, AfterAMistakeTheNextPolicyIsRead) {
  EXPECT_EQ(issues("permit(; forbid(; permit(principal, action, resource); forbid(;"),
            "1:8: unexpected `;`, expected `principal` (the scope is principal, action, resource)\n"
            "1:17: unexpected `;`, expected `principal` (the scope is principal, action, resource)\n"
            "1:63: unexpected `;`, expected `principal` (the scope is principal, action, resource)");
  // A `;` in a string or a comment does not end the policy.
  EXPECT_EQ(issues("permit(\"a;b\" // ;\n, x); nonsense"),
            "1:8: unexpected `\"a;b\"`, expected `principal` (the scope is principal, action, resource)\n"
            "2:7: `nonsense` is not an effect, expected `permit` or `forbid`\n"
            "2:15: unexpected the end of the text, expected `(` before the scope");
}

TEST(ParseIssues, AnUnclosedStringIsToldWhereItBegins) {
  const std::string_view text =
      "permit(principal, action, resource) when { context.a == \"b };\npermit(principal, action, resource);";
  EXPECT_EQ(issues(text), "1:57: this string is not closed");
  EXPECT_EQ(parse_policies(text).error()[0].span, (Span{56, 57}));
  EXPECT_EQ(help_of(text), "a string ends with `\"`; inside it, write `\\\"`");
}

TEST(ParseIssues, LongAndStrangeTokensAreShownShort) {
  EXPECT_EQ(issues(std::string(100, 'x')),
            fmt::format("1:1: `{}` is not an effect, expected `permit` or `forbid`\n"
                        "1:101: unexpected the end of the text, expected `(` before the scope",
                        std::string(100, 'x')));
  EXPECT_EQ(
      issues("permit(" + std::string(100, 'x') + ");"),
      fmt::format("1:8: unexpected `{}...`, expected `principal` (the scope is principal, action, resource)",
                  std::string(40, 'x')));
  // Not in the middle of a character.
  EXPECT_EQ(issues("permit(\"" + std::string(38, 'x') + "\u00e9\");"),
            fmt::format(
                "1:8: unexpected `\"{}...`, expected `principal` (the scope is principal, action, resource)",
                std::string(38, 'x')));
}

TEST(ParseIssues, AMessageIsOneLineWhateverTheInput) {
  EXPECT_EQ(issues("permit(\"a\nb\x1b[31m\");"),
            "1:8: unexpected `\"a\\nb\\u{1b}[31m\"`, expected `principal` (the scope is principal, action, "
            "resource)");
  EXPECT_EQ(issues("permit(principal, action == User::\"a\nb\", resource);"),
            "1:19: `User::\"a\\nb\"` is not an action");
  EXPECT_EQ(issues("\u009b"), "1:1: unexpected `\\u{9b}`, expected `permit` or `forbid`");
  const auto long_key = std::string(1 << 20, 'k');
  const auto refused = parse_expression(fmt::format("{{{0}: 1, {0}: 2}}", long_key));
  ASSERT_FALSE(refused.has_value());
  const std::string& message = refused.error()[0].message;
  EXPECT_EQ(message.size(), kMaxMessageBytes);
  EXPECT_THAT(message, ::testing::MatchesRegex("the key `k*\\.\\.\\.k*` is given twice"));
}

// Cut inside neither character.
TEST(ParseIssues, ALongMessageIsCutBetweenCharacters) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string key(shift, 'k');
    for (int i = 0; i < 1000; ++i) key += "\U0001F600";
    const auto refused = parse_expression(fmt::format("{{\"{0}\": 1, \"{0}\": 2}}", key));
    ASSERT_FALSE(refused.has_value());
    const std::string& message = refused.error()[0].message;
    EXPECT_LE(message.size(), kMaxMessageBytes);
    std::string rest = message;
    for (const std::string_view piece : {"\U0001F600"})
      for (auto at = rest.find(piece); at != rest.npos; at = rest.find(piece)) rest.erase(at, piece.size());
    EXPECT_EQ(rest, "the key `" + std::string(shift, 'k') + "...` is given twice");
  }
}

}  // namespace
}  // namespace writ::cedar::parse_test
