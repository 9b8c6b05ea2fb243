#include "cedar/syntax/lexer.h"

#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace writ::cedar::lexer_test {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

std::string_view kind_name(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEnd:
      return "end";
    case TokenKind::kIdentifier:
      return "identifier";
    case TokenKind::kNumber:
      return "number";
    case TokenKind::kString:
      return "string";
    case TokenKind::kSlot:
      return "slot";
    case TokenKind::kPunctuation:
      return "punctuation";
    case TokenKind::kInvalid:
      return "invalid";
    case TokenKind::kUnclosedString:
      return "unclosed";
  }
  return "?";
}

// All tokens before the end. Each token's place is where its text is, in order, and between tokens there is
// nothing but space and comments (which are not looked at here).
std::vector<Token> lex(std::string_view text) {
  // A buffer of exactly its size, so that a read beyond it is seen by the sanitizer.
  static std::vector<std::vector<char>> buffers;
  buffers.emplace_back(text.begin(), text.end());
  const std::string_view exact(buffers.back().data(), text.size());
  Lexer lexer(exact);
  std::vector<Token> tokens;
  std::size_t last = 0;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    EXPECT_GE(token.span.begin, last);
    EXPECT_GT(token.span.end, token.span.begin) << "a token that takes nothing would be found forever";
    EXPECT_LE(token.span.end, text.size());
    EXPECT_EQ(token.text, exact.substr(token.span.begin, token.span.end - token.span.begin));
    last = token.span.end;
    tokens.push_back(token);
  }
  const Token end = lexer.next();
  EXPECT_EQ(end.kind, TokenKind::kEnd) << "and stays at the end";
  EXPECT_EQ(end.span.begin, text.size());
  return tokens;
}

std::vector<std::string> texts(std::string_view text) {
  std::vector<std::string> out;
  for (const Token& token : lex(text)) out.emplace_back(token.text);
  return out;
}

std::vector<std::string> kinds(std::string_view text) {
  std::vector<std::string> out;
  for (const Token& token : lex(text)) out.push_back(fmt::format("{} {}", kind_name(token.kind), token.text));
  return out;
}

std::string utf8(char32_t code) {
  std::string out;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    if (code < 0x10000) {
      out += static_cast<char>(0xe0 | code >> 12);
    } else {
      out += static_cast<char>(0xf0 | code >> 18);
      out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

TEST(Lexer, KnowsEveryKindOfToken) {
  EXPECT_THAT(kinds(R"(permit 17 "a" ?principal :: # "b)"),
              ElementsAre("identifier permit", "number 17", "string \"a\"", "slot ?principal",
                          "punctuation ::", "invalid #", "unclosed \"b"));
  EXPECT_THAT(kinds(""), IsEmpty());
}

TEST(Lexer, KnowsEveryPunctuation) {
  const std::vector<std::string> all{"::", "==", "!=", "<=", ">=", "||", "&&", "@", ".",
                                     ",",  ";",  ":",  "(",  ")",  "{",  "}",  "[", "]",
                                     "<",  ">",  "+",  "-",  "*",  "/",  "%",  "!", "="};
  for (const std::string& one : all) EXPECT_THAT(kinds(one), ElementsAre("punctuation " + one));
  EXPECT_THAT(texts(fmt::format("{}", fmt::join(all, " "))), ElementsAreArray(all));
}

TEST(Lexer, TakesTheLongestPunctuationAndWithoutSpace) {
  EXPECT_THAT(texts("a::b"), ElementsAre("a", "::", "b"));
  EXPECT_THAT(texts(":::"), ElementsAre("::", ":"));
  EXPECT_THAT(texts("==="), ElementsAre("==", "="));
  EXPECT_THAT(texts("<=="), ElementsAre("<=", "="));
  EXPECT_THAT(texts("=<"), ElementsAre("=", "<"));
  EXPECT_THAT(texts("!=="), ElementsAre("!=", "="));
  EXPECT_THAT(texts("!!="), ElementsAre("!", "!="));
  EXPECT_THAT(texts("--1"), ElementsAre("-", "-", "1"));
  EXPECT_THAT(kinds("&&&"), ElementsAre("punctuation &&", "invalid &"));
  EXPECT_THAT(kinds("|||"), ElementsAre("punctuation ||", "invalid |"));
  EXPECT_THAT(texts("(a.b[\"c\"])"), ElementsAre("(", "a", ".", "b", "[", "\"c\"", "]", ")"));
}

TEST(Lexer, AnIdentifierIsLettersDigitsAndUnderscoresOfAscii) {
  EXPECT_THAT(kinds("a _ __ _1 aZ09_ if true"),
              ElementsAre("identifier a", "identifier _", "identifier __", "identifier _1",
                          "identifier aZ09_", "identifier if", "identifier true"));
  EXPECT_THAT(kinds("é"), ElementsAre("invalid é"));
  EXPECT_THAT(kinds("aé1"), ElementsAre("identifier a", "invalid é", "number 1"));
  EXPECT_THAT(kinds("a-b"), ElementsAre("identifier a", "punctuation -", "identifier b"));
  EXPECT_THAT(kinds("a$"), ElementsAre("identifier a", "invalid $"));
}

TEST(Lexer, ANumberIsDigits) {
  EXPECT_THAT(kinds("0 007 99999999999999999999"),
              ElementsAre("number 0", "number 007", "number 99999999999999999999"));
  EXPECT_THAT(kinds("1a"), ElementsAre("number 1", "identifier a"));
  EXPECT_THAT(kinds("1.5"), ElementsAre("number 1", "punctuation .", "number 5"));
  EXPECT_THAT(kinds("0x1f"), ElementsAre("number 0", "identifier x1f"));
  EXPECT_THAT(kinds("1_000"), ElementsAre("number 1", "identifier _000"));
  EXPECT_THAT(kinds("-1"), ElementsAre("punctuation -", "number 1"));
}

TEST(Lexer, AStringEndsWithTheFirstQuoteThatIsNotEscaped) {
  EXPECT_THAT(texts(R"("" "a" "a b")"), ElementsAre(R"("")", R"("a")", R"("a b")"));
  EXPECT_THAT(texts(R"("a\"b" c)"), ElementsAre(R"("a\"b")", "c"));
  EXPECT_THAT(texts(R"("a\\" c)"), ElementsAre(R"("a\\")", "c"));
  EXPECT_THAT(texts(R"("a\\\"" c)"), ElementsAre(R"("a\\\"")", "c"));
  EXPECT_THAT(texts("\"a\nb\" c"), ElementsAre("\"a\nb\"", "c"));
  EXPECT_THAT(texts(R"("// no comment")"), ElementsAre(R"("// no comment")"));
  EXPECT_THAT(texts("\"h\u00e9 \U0001F600\" c"), ElementsAre("\"h\u00e9 \U0001F600\"", "c"));
  EXPECT_THAT(texts(std::string_view("\"a\0b\" c", 7)), ElementsAre(std::string_view("\"a\0b\"", 5), "c"));
  EXPECT_THAT(texts(R"("a""b")"), ElementsAre(R"("a")", R"("b")"));
  EXPECT_THAT(kinds("'a'"), ElementsAre("invalid '", "identifier a", "invalid '"));
}

TEST(Lexer, AnUnclosedStringTakesTheRest) {
  EXPECT_THAT(kinds("a \"b; c"), ElementsAre("identifier a", "unclosed \"b; c"));
  EXPECT_THAT(kinds("\""), ElementsAre("unclosed \""));
  EXPECT_THAT(kinds(R"("a\")"), ElementsAre(R"(unclosed "a\")"));
  EXPECT_THAT(kinds(R"("a\)"), ElementsAre(R"(unclosed "a\)"));
  // A backslash does not join lines.
  EXPECT_THAT(kinds("\"a\\\nb\""), ElementsAre("unclosed \"a\\\nb\""));
}

TEST(Lexer, ASlotIsAQuestionMarkAndAName) {
  EXPECT_THAT(kinds("?principal ?resource ?_x1"),
              ElementsAre("slot ?principal", "slot ?resource", "slot ?_x1"));
  EXPECT_THAT(kinds("?"), ElementsAre("invalid ?"));
  EXPECT_THAT(kinds("? a"), ElementsAre("invalid ?", "identifier a"));
  EXPECT_THAT(kinds("?1"), ElementsAre("invalid ?", "number 1"));
  EXPECT_THAT(kinds("??a"), ElementsAre("invalid ?", "slot ?a"));
}

TEST(Lexer, CommentsEndWithTheirLine) {
  EXPECT_THAT(texts("a // b\nc"), ElementsAre("a", "c"));
  EXPECT_THAT(texts("a // b\rc"), ElementsAre("a", "c"));
  EXPECT_THAT(texts("a // b\r\nc"), ElementsAre("a", "c"));
  EXPECT_THAT(texts("a//"), ElementsAre("a"));
  EXPECT_THAT(texts("//\n//\n\n// x // y\na"), ElementsAre("a"));
  EXPECT_THAT(texts("///* a\nb"), ElementsAre("b"));
  EXPECT_THAT(texts("// \"\nb"), ElementsAre("b"));
  EXPECT_THAT(texts("a / b"), ElementsAre("a", "/", "b"));
  EXPECT_THAT(texts("/* a */"), ElementsAre("/", "*", "a", "*", "/")) << "there are no others";
  // Line breaks of Unicode do not end one.
  EXPECT_THAT(texts("// a\u0085b\u2028c\nd"), ElementsAre("d"));
}

// \s of the reference's grammar: Unicode's White_Space.
TEST(Lexer, SkipsTheWhiteSpaceOfUnicodeAndNothingElse) {
  const std::set<char32_t> spaces{0x09,   0x0a,   0x0b,   0x0c,   0x0d,   0x20,   0x85,   0xa0,   0x1680,
                                  0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
                                  0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const std::string text = utf8(code);
    Lexer lexer(text);
    const Token token = lexer.next();
    ASSERT_EQ(token.kind == TokenKind::kEnd, spaces.contains(code))
        << fmt::format("U+{:04X}", unsigned{code});
    if (code >= 0x80 && !spaces.contains(code)) {
      ASSERT_EQ(token.kind, TokenKind::kInvalid);
      ASSERT_EQ(token.text, text) << "a character that is no token is taken whole";
    }
  }
  EXPECT_THAT(texts("a\u00a0\u2003\u3000b\t\r\n\v\fc"), ElementsAre("a", "b", "c"));
}

TEST(Lexer, TellsThePlaceOfATokenInBytes) {
  const auto tokens = lex("\n  // \u00e9\n  \"\u00e9\" == x");
  ASSERT_EQ(tokens.size(), 3U);
  EXPECT_EQ(tokens[0].span, (Span{11, 15}));
  EXPECT_EQ(tokens[1].span, (Span{16, 18}));
  EXPECT_EQ(tokens[2].span, (Span{19, 20}));
}

TEST(Lexer, AWordIsNotAStringOfTheSameText) {
  EXPECT_TRUE(lex("if")[0].is("if"));
  EXPECT_FALSE(lex("\"if\"")[0].is("\"if\""));
  EXPECT_FALSE(lex("?if")[0].is("?if"));
}

// Whatever the bytes are, also when they are no UTF-8: every token takes something and lies within the text.
TEST(Lexer, EndsOnAnyBytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
      Lexer lexer({bytes, 2});
      std::size_t last = 0;
      for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
        ASSERT_GT(token.span.end, last);
        ASSERT_LE(token.span.end, 2U);
        last = token.span.end;
      }
    }
  }
  for (const std::string_view cut :
       {"\xf0\x9f\x98", "\xf0", "\xe2\x80", "\xc2", "\"\xf0", "?\xf0", "a\xe2"}) {
    EXPECT_FALSE(lex(cut).empty());
  }
}

TEST(Lexer, ATokenMayBeAsLongAsTheText) {
  constexpr std::size_t kLong = 10 << 20;
  for (const char c : {'a', '1', '_'}) {
    const std::string text(kLong, c);
    EXPECT_EQ(Lexer(text).next().text.size(), kLong);
  }
  const std::string quoted = '"' + std::string(kLong, 'x') + '"';
  EXPECT_EQ(Lexer(quoted).next().kind, TokenKind::kString);
  const std::string open = '"' + std::string(kLong, '\\');
  EXPECT_EQ(Lexer(open).next().kind, TokenKind::kUnclosedString);
  EXPECT_EQ(Lexer(std::string(kLong, ' ')).next().kind, TokenKind::kEnd);
  EXPECT_EQ(Lexer("//" + std::string(kLong, 'x')).next().kind, TokenKind::kEnd);
}

}  // namespace
}  // namespace writ::cedar::lexer_test
