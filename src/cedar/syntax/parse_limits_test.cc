// What the parser does with text that nobody would write: every limit, and nothing crashes, hangs or is
// accepted by mistake.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <string>
#include <sys/mman.h>

#include "cedar/authorize.h"
#include "cedar/parse.h"
#include "cedar/validate.h"
#include "codec/utf8.h"

namespace writ::cedar::parse_limits_test {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  out.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += piece;
  return out;
}

std::string when(std::string_view condition) {
  return fmt::format("permit(principal, action, resource) when {{ {} }};", condition);
}

// A way to nest: `before`, n times; the middle; `after`, n times.
struct Nesting {
  const char* before;
  const char* middle;
  const char* after;
  std::size_t deepest;  // the largest n that is accepted

  std::string text(std::size_t n) const { return repeated(before, n) + middle + repeated(after, n); }
};

constexpr Nesting kNestings[] = {
    {"(", "1", ")", kMaxNesting - 1},
    {"[", "1", "]", kMaxNesting - 1},
    {"{a: ", "1", "}", kMaxNesting - 1},
    {"!(", "true", ")", kMaxNesting - 1},
    {"-(", "1", ")", kMaxNesting - 1},
    {"if ", "true", " then 1 else 2", kMaxNesting - 1},
    {"if true then ", "1", " else 2", kMaxNesting - 1},
    {"if true then 1 else ", "2", "", kMaxNesting - 1},
    {"true && (true || (", "true", "))", (kMaxNesting - 1) / 2},
    {"1 + (", "1", ")", kMaxNesting - 1},
    {"1 == (", "1", ")", kMaxNesting - 1},
    {"ip(", "1", ")", kMaxNesting - 1},
    {"context.contains(", "1", ")", kMaxNesting - 1},
    {"principal is A in (", "principal", ")", kMaxNesting - 1},
    {"(", "context", ") has a", kMaxNesting / 2 - 1},
    {"(", "context", ") like \"a\"", kMaxNesting - 1},
    {"(", "context", ").a", kMaxNesting - 1},
    {"", "context", ".a", kMaxNesting - 1},
    {"", "context", "[\"a\"]", kMaxNesting - 1},
    {"", "context", ".isEmpty()", kMaxNesting - 1},
    {"", "context", ".contains(1)", kMaxNesting - 1},
    {"", "1", " + 1", kMaxNesting - 1},
    {"", "1", " - 1", kMaxNesting - 1},
    {"", "1", " * 1", kMaxNesting - 1},
    {"", "context has a", ".a", kMaxNesting - 3},
};

TEST(ParseLimits, EveryKindOfNestingHasTheSameLimit) {
  for (const Nesting& nesting : kNestings) {
    const auto deepest = [&] {
      std::size_t good = 0, bad = 2 * kMaxNesting;
      while (good + 1 < bad) {
        const std::size_t middle = (good + bad) / 2;
        (parse_expression(nesting.text(middle)) ? good : bad) = middle;
      }
      return good;
    }();
    EXPECT_EQ(deepest, nesting.deepest) << nesting.text(2);
    const auto refused = parse_expression(nesting.text(deepest + 1));
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error()[0].message, HasSubstr("more than 500")) << nesting.text(2);
  }
}

TEST(ParseLimits, NestingWithoutEndIsRefused) {
  for (const Nesting& nesting : kNestings) {
    for (const std::size_t depth : {std::size_t{10'000}, std::size_t{100'000}}) {
      for (const std::string& text : {nesting.text(depth), repeated(nesting.before, depth)}) {
        if (text.empty()) continue;
        const auto policies = parse_policies(when(text));
        ASSERT_FALSE(policies.has_value()) << nesting.text(2);
        EXPECT_THAT(policies.error()[0].message, HasSubstr("more than 500")) << nesting.text(2);
      }
    }
  }
}

// Parses, compiles, evaluates and validates the deepest of each kind.
void* use_the_deepest(void*) {
  const auto schema = *schema_from_text(
      "entity A; action b appliesTo { principal: A, resource: A, context: { a?: Set<Long> } };");
  for (const Nesting& nesting : kNestings) {
    const auto text = when(nesting.text(nesting.deepest));
    const auto policies = parse_policies(text);
    if (!policies) {
      ADD_FAILURE() << nesting.text(2);
      continue;
    }
    const auto compiled = CompiledPolicySet::compile(*policies);
    EXPECT_TRUE(compiled.has_value()) << compiled.error().message;
    Arena arena;
    const Request request{arena.entity("A", "a"), arena.entity("Action", "b"), arena.entity("A", "c"),
                          make_record(arena, {})};
    Evaluation evaluation;
    authorize(**compiled, request, *Entities::empty(), evaluation);
    EXPECT_EQ(evaluation.policies_considered(), 1U) << nesting.text(2);
    EXPECT_LE(evaluation.errors().size(), 1U) << nesting.text(2);
    for (const Finding& finding : validate(*schema, *policies, {.max_level = 3}, text).errors)
      EXPECT_FALSE(finding.issue.message.empty());
  }
  return nullptr;
}

// What a thread of a server may have. Sanitizers widen every frame.
TEST(ParseLimits, WhatIsNestedAsDeepAsAllowedNeedsTwoMegabytesOfStack) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t kStack = 32 << 20;
#else
  constexpr std::size_t kStack = 2 << 20;
#endif
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStack), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, use_the_deepest, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(ParseLimits, TheScopeNestsToo) {
  const auto scope = [](std::size_t n, std::string_view entity, std::string_view op) {
    return fmt::format("permit(principal, action {} {}{}{}, resource);", op, repeated("(", n), entity,
                       repeated(")", n));
  };
  for (const auto& [entity, op] : {std::pair{R"(Action::"a")", "=="}, {R"([Action::"a"])", "in"}}) {
    EXPECT_TRUE(parse_policies(scope(kMaxNesting, entity, op)).has_value());
    const auto refused = parse_policies(scope(kMaxNesting + 1, entity, op));
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error()[0].message, HasSubstr("nested too deeply"));
    EXPECT_FALSE(parse_policies(scope(1'000'000, entity, op)).has_value());
  }
  EXPECT_TRUE(parse_entity(repeated("(", kMaxNesting) + "A::\"a\"" + repeated(")", kMaxNesting)).has_value());
  EXPECT_FALSE(
      parse_entity(repeated("(", kMaxNesting + 1) + "A::\"a\"" + repeated(")", kMaxNesting + 1)).has_value());
}

TEST(ParseLimits, NestingIsCountedForEachPolicy) {
  std::string text;
  const std::string deep = when(repeated("(", kMaxNesting - 1) + "true" + repeated(")", kMaxNesting - 1));
  EXPECT_TRUE(parse_policies(deep + deep + deep).has_value());
  // Also after one that was refused.
  const auto refused = parse_policies(when(repeated("(", 1000)) + deep + "oops;");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), ::testing::SizeIs(3)) << "the deep one, and two for the last";
  const auto scope = "permit(principal == " + repeated("(", kMaxNesting - 1) + ";";
  EXPECT_EQ(parse_policies(scope + deep + scope).error().size(), 2U);
}

TEST(ParseLimits, ChainsOfAndAndOrAreNotDeep) {
  for (const auto* op : {" && ", " || "}) {
    const auto policies = parse_policies(when("true" + repeated(fmt::format("{}true", op), 100'000)));
    ASSERT_TRUE(policies.has_value());
    EXPECT_EQ(policies->policies[0].conditions[0].body.operands.size(), 100'001U);
  }
  EXPECT_TRUE(parse_policies(when("[1" + repeated(", 1", 100'000) + "].isEmpty()")).has_value());
  EXPECT_TRUE(
      parse_policies("permit(principal, action, resource)" + repeated(" when { true }", 100'000) + ";")
          .has_value());
}

TEST(ParseLimits, ATextHasAtMostKMaxPolicyTextBytes) {
  // Never touched, so it takes no memory.
  const std::size_t size = kMaxPolicyTextBytes + 1;
  void* memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::string_view text(static_cast<const char*>(memory), size);
  const auto refused = parse_policies(text);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error()[0].message, "the text has 1073741825 bytes, at most 1073741824 are read");
  EXPECT_FALSE(parse_policy(text).has_value());
  EXPECT_FALSE(parse_expression(text).has_value());
  EXPECT_FALSE(parse_entity(text).has_value());
  munmap(memory, size);
}

TEST(ParseLimits, AnEntityTypeHasAtMostKMaxNameBytes) {
  const std::string longest(kMaxNameBytes, 'a');
  EXPECT_TRUE(parse_expression("principal is " + longest).has_value());
  EXPECT_TRUE(parse_entity("a::" + std::string(kMaxNameBytes - 3, 'b') + "::\"x\"").has_value());
  const auto refused = parse_expression("principal is a" + longest);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error()[0].message, "this name has 65536 bytes, at most 65535 are read");
  EXPECT_FALSE(parse_policy("permit(principal is a" + longest + ", action, resource);").has_value());
  // An id and an attribute may be longer.
  EXPECT_TRUE(parse_entity("a::\"" + std::string(1 << 20, 'b') + "\"").has_value());
  EXPECT_TRUE(parse_expression("principal." + std::string(1 << 20, 'b')).has_value());
}

TEST(ParseLimits, AtMostKMaxIssuesAreTold) {
  const auto count = [](const std::string& text) {
    const auto parsed = parse_policies(text);
    return parsed ? 0 : parsed.error().size();
  };
  EXPECT_EQ(count(repeated("oops;", kMaxIssues / 2)), kMaxIssues);
  EXPECT_EQ(count(repeated("oops;", 10'000)), kMaxIssues);
  EXPECT_EQ(count(when("[" + repeated("a, ", 99) + "]")), 99U);
  EXPECT_EQ(count(when("[" + repeated("a, ", 10'000) + "]")), kMaxIssues);
}

void expect_bounded(std::string_view text, const std::vector<Issue>& issues) {
  EXPECT_LE(issues.size(), kMaxIssues);
  for (const Issue& issue : issues) {
    EXPECT_GT(issue.line, 0);
    EXPECT_LE(issue.span.begin, text.size());
    EXPECT_LE(issue.message.size(), kMaxMessageBytes);
    EXPECT_TRUE(codec::valid_utf8(issue.message));
  }
  const auto shown = render_issue("f", text, issues.front());
  EXPECT_LE(shown.size(), 4 * kMaxMessageBytes);
  EXPECT_TRUE(codec::valid_utf8(shown));
}

// Of anything without end: refused, in time linear in the text.
TEST(HostileText, OneTokenWithoutEnd) {
  for (const std::string_view token : {"(",       ")",
                                       "[",       "{",
                                       "}",       "!",
                                       "-",       "+",
                                       "<",       "=",
                                       "::",      ".",
                                       ",",       ";",
                                       ":",       "@",
                                       "?",       "\"",
                                       "\\",      "'",
                                       "a",       "1",
                                       "_",       "a ",
                                       "1 ",      "a.",
                                       "a::",     "@a ",
                                       "&&",      "||",
                                       "#",       "if ",
                                       "permit",  "permit(",
                                       "permit;", "when{",
                                       "?a ",     "\xef\xbb\xbf",
                                       "\u00e9"}) {
    const auto text = repeated(token, (256 << 10) / token.size());
    for (const std::string& policy :
         {text, when(text), fmt::format("permit(principal == {}, action, resource);", text),
          fmt::format("@a({}", text)}) {
      const auto refused = parse_policies(policy);
      ASSERT_FALSE(refused.has_value()) << token;
      expect_bounded(policy, refused.error());
    }
  }
}

TEST(HostileText, TenMegabytesOfOneToken) {
  for (const std::string_view token : {"(", "a", "1", "\"", "@a ", "oops;", "\n;"}) {
    const auto text = repeated(token, (10 << 20) / token.size());
    const auto refused = parse_policies(text);
    ASSERT_FALSE(refused.has_value()) << token;
    expect_bounded(text, refused.error());
  }
  for (const std::string_view nothing : {" ", "\n", "/", "//\n", "\u2028"})
    EXPECT_TRUE(parse_policies(repeated(nothing, (10 << 20) / nothing.size()))->policies.empty());
}

TEST(HostileText, ALongStringIsRead) {
  const std::string inside(10 << 20, 'x');
  EXPECT_EQ(parse_expression('"' + inside + '"')->text, inside);
  EXPECT_EQ(parse_expression('"' + repeated("\\u{1F600}", 1 << 20) + '"')->text.size(), std::size_t{4} << 20);
  EXPECT_EQ(parse_expression("principal like \"" + repeated("*a", 1 << 20) + '"')->names.size(),
            (std::size_t{1} << 20) + 1);
  for (const auto* piece : {"\\u{", "\\u{41", "\\u{______", "\\q", "\\x"})
    EXPECT_FALSE(parse_expression('"' + repeated(piece, 1 << 20) + "}\"").has_value()) << piece;
  EXPECT_EQ(parse_expression('"' + repeated("\\", 2 << 20) + '"')->text.size(), std::size_t{1} << 20);
}

// Ids, keys and annotations by the hundred thousand.
TEST(HostileText, ManyDistinctNamesAreReadInLinearTime) {
  std::string annotations, keys, actions;
  for (int i = 0; i < 200'000; ++i) {
    annotations += fmt::format("@a{}", i) + " ";
    keys += fmt::format("k{}: 1, ", i);
    actions += fmt::format("Action::\"{}\",", i);
  }
  const auto policy = parse_policy(annotations + "permit(principal, action in [" + actions +
                                   "], resource) when { {" + keys + "} == 1 };");
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(policy->annotations.size(), 200'000U);
  EXPECT_EQ(policy->action.entities.size(), 200'000U);
  EXPECT_EQ(policy->conditions[0].body.operands[0].operands.size(), 200'000U);
}

TEST(HostileText, MistakesAtTheEndOfALongTextAreFoundQuickly) {
  const auto text = repeated("// a line\n", 2 << 20) + repeated("oops;", 1000);
  const auto refused = parse_policies(text);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), Each(Field(&Issue::line, (2 << 20) + 1)));
  EXPECT_EQ(refused.error()[2].column, 6);
}

TEST(HostileText, NulBytesAreNoEnd) {
  using std::string_view_literals::operator""sv;
  EXPECT_FALSE(parse_policies("permit(principal, action, resource);\0"sv).has_value());
  EXPECT_FALSE(parse_policies("\0permit(principal, action, resource);"sv).has_value());
  EXPECT_FALSE(parse_policies("permit(principal, action, resource)\0;"sv).has_value());
  EXPECT_FALSE(parse_policies("permit(principal, action, resource) when { true\0 };"sv).has_value());
  EXPECT_EQ(parse_policies("permit(principal, action, resource);\0 forbid(principal, action, resource);"sv)
                .error()[0]
                .message,
            "unexpected `\\0`, expected `permit` or `forbid`");
  // In comments and strings they stand for themselves, as in the reference.
  EXPECT_EQ(parse_policies("//\0\npermit(principal, action, resource);"sv)->policies.size(), 1U);
  EXPECT_EQ(parse_expression("\"a\0b\""sv)->text, "a\0b"sv);
  EXPECT_FALSE(parse_policies(std::string(10 << 20, '\0')).has_value());
}

TEST(HostileText, WhatIsNotUtf8IsRefusedWithThePlace) {
  const auto at = [](std::string_view text) {
    const auto parsed = parse_policies(text);
    if (parsed) return std::string("accepted");
    const Issue& issue = parsed.error()[0];
    EXPECT_TRUE(codec::valid_utf8(render_issue("f", text, issue)));
    return fmt::format("{}:{}: {}", issue.line, issue.column, issue.message);
  };
  EXPECT_EQ(at("\xff"), "1:1: from here on the text is not valid UTF-8");
  EXPECT_EQ(at("// \u00e9\n//\xc3\x28"), "2:3: from here on the text is not valid UTF-8");
  for (const auto* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98", "\xfe", "\xc3"}) {
    EXPECT_EQ(at(fmt::format("// {}", bad)), "1:4: from here on the text is not valid UTF-8");
    EXPECT_FALSE(parse_expression(fmt::format("\"{}\"", bad)).has_value());
    EXPECT_FALSE(parse_entity(fmt::format("A::\"{}\"", bad)).has_value());
  }
}

TEST(HostileText, AByteOrderMarkIsRefusedByName) {
  const auto refused = parse_policies("\ufeffpermit(principal, action, resource);");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error()[0].message, "unexpected byte order mark, expected `permit` or `forbid`");
  EXPECT_EQ(refused.error()[0].help, "save the text as UTF-8 without one");
  EXPECT_EQ(parse_expression("\"\ufeff\"")->text, "\ufeff");
}

TEST(HostileText, LettersThatOnlyLookAlikeAreNoWords) {
  EXPECT_FALSE(parse_policies("perm\u0456t(principal, action, resource);").has_value());
  EXPECT_FALSE(parse_policies("permit(pr\u0456ncipal, action, resource);").has_value());
  EXPECT_FALSE(parse_policies("permit(principal, action, resource)\u037e").has_value())
      << "the Greek question mark";
  EXPECT_FALSE(parse_expression("principal.\u0430").has_value());
  EXPECT_FALSE(parse_expression("tru\u200be").has_value());
}

TEST(HostileText, EveryPrefixOfAPolicyIsRefused) {
  const std::string_view text =
      R"(@id("a\u{41}")permit(principal is A::B in ?principal,action in[Action::"x"],resource==R::"y")when{if context.a["b"]like "*"then{a:[-1]}==context else!ip("::1").isIpv4()||principal has a.b};)";
  ASSERT_TRUE(parse_policies(text).has_value());
  for (std::size_t size = 1; size < text.size(); ++size) {
    // A buffer of exactly its size, so that a read beyond it is seen by the sanitizer.
    const std::vector<char> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    const auto refused = parse_policies({exact.data(), exact.size()});
    ASSERT_FALSE(refused.has_value()) << text.substr(0, size);
    EXPECT_LE(refused.error()[0].span.begin, size);
  }
}

}  // namespace
}  // namespace writ::cedar::parse_limits_test
