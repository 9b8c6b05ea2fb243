#include "cedar/issue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/parse.h"
#include "codec/utf8.h"

namespace writ::cedar::issue_test {
namespace {

using ::testing::HasSubstr;

TEST(Issues, ShowTheLineWithThePlaceUnderlined) {
  const std::string_view text =
      "permit (principal, action, resource)\nwhen { principal.tenant = resource.tenant };\n";
  const auto refused = parse_policies(text);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(render_issue("api.cedar", text, refused.error()[0]),
            "api.cedar:2:25: `=` is not an operator\n"
            "2 | when { principal.tenant = resource.tenant };\n"
            "  |                         ^\n"
            "help: use `==` to test for equality");
}

TEST(Issues, UnderlineTheWholePlace) {
  const std::string_view text = "permit(principal, action, resource) when { subject.age == 1 };";
  EXPECT_EQ(excerpt(text, {43, 50}),
            "1 | permit(principal, action, resource) when { subject.age == 1 };\n"
            "  |                                            ^^^^^^^");
}

TEST(Issues, CountCharactersNotBytes) {
  const std::string_view text = "// é\n\"é😀\" == @";
  const auto at = text.find('@');
  const auto [line, column] = line_column(text, at);
  EXPECT_EQ(line, 2);
  EXPECT_EQ(column, 9);
  const auto begin = static_cast<std::uint32_t>(at);
  EXPECT_EQ(excerpt(text, {begin, begin + 1}), "2 | \"é😀\" == @\n  |         ^");
}

TEST(Issues, ThePlaceMayBeTheEndOfTheText) {
  EXPECT_EQ(excerpt("permit(", {7, 7}), "1 | permit(\n  |        ^");
  EXPECT_EQ(excerpt("", {0, 0}), "1 | \n  | ^");
  EXPECT_EQ(excerpt("a\n", {2, 2}), "2 | \n  | ^");
  EXPECT_EQ(line_column("a\nb\n", 4).line, 3);
  EXPECT_EQ(line_column("a\nb\n", 4).column, 1);
  EXPECT_EQ(line_column("ab", 99).column, 3) << "beyond the end is the end";
  EXPECT_EQ(excerpt("ab", {5, 9}), "1 | ab\n  |   ^");
}

TEST(Issues, OfSeveralLinesShowTheFirst) {
  EXPECT_EQ(excerpt("a {\n  b\n}", {2, 9}), "1 | a {\n  |   ^");
}

TEST(Issues, TheNumberOfTheLineHasItsRoom) {
  const std::string text = std::string(99, '\n') + "oops";
  EXPECT_EQ(excerpt(text, {99, 103}), "100 | oops\n    | ^^^^");
}

TEST(Issues, ShowNoControlCharacters) {
  EXPECT_EQ(excerpt("a\tb\x1b[31m\x7f\r", {0, 1}), "1 | a b [31m  \n  | ^");
  EXPECT_EQ(excerpt("a\u009bb c", {4, 5}), "1 | a b c\n  |    ^") << "U+009B begins a command to a terminal";
}

TEST(Issues, ShowThePartOfALongLineAroundThePlace) {
  const std::string text = std::string(10'000, 'a') + "HERE" + std::string(10'000, 'b');
  const auto shown = excerpt(text, {10'000, 10'004});
  EXPECT_EQ(shown, "1 | " + std::string(80, 'a') + "HERE" + std::string(76, 'b') + "\n  | " +
                       std::string(80, ' ') + "^^^^");
  // Not in the middle of a character, wherever the cut comes.
  for (std::uint32_t shift = 0; shift < 4; ++shift) {
    std::string wide(shift, 'x');
    for (int i = 0; i < 300; ++i) wide += "😀";
    EXPECT_TRUE(codec::valid_utf8(excerpt(wide, {shift + 400, shift + 404}))) << shift;
  }
}

TEST(Issues, AMessageIsOneLineOfBoundedLength) {
  const auto issue = make_issue("text", {0, 4}, "a\nb\r\t\x01\x7f", "c\nd");
  EXPECT_EQ(issue.message, "a\\nb\\r\\t\\u{1}\\u{7f}");
  EXPECT_EQ(issue.help, "c\\nd");
  const auto exact = std::string(kMaxMessageBytes, 'm');
  EXPECT_EQ(make_issue("", {}, exact).message, exact);
  const auto longer = make_issue("", {}, "begin" + exact + "end").message;
  EXPECT_EQ(longer.size(), kMaxMessageBytes);
  EXPECT_TRUE(longer.starts_with("begin") && longer.ends_with("end"));
  EXPECT_THAT(longer, HasSubstr("m...m"));
}

TEST(Issues, OfWhatHasNoTextHaveNoPlace) {
  const auto issue = make_placeless_issue({3, 5}, "a\nb");
  EXPECT_EQ(issue.line, 0);
  EXPECT_EQ(issue.column, 0);
  EXPECT_EQ(issue.span, (Span{3, 5}));
  EXPECT_EQ(issue.message, "a\\nb");
}

// A text of a few lines, many strides long, with characters of one to four bytes.
std::string long_text() {
  std::string text;
  for (int i = 0; i < 900; ++i) text += i % 97 == 0 ? "\n" : i % 5 == 0 ? "é" : i % 7 == 0 ? "😀" : "a";
  return text;
}

TEST(LineIndex, KnowsEveryByteAsCountingDoes) {
  const auto whole = long_text();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, LineIndex::kStride - 1, LineIndex::kStride,
                                 LineIndex::kStride + 1, 3 * LineIndex::kStride, whole.size()}) {
    const auto text = std::string_view(whole).substr(0, size);
    const LineIndex lines(text);
    int line = 1, column = 1;
    for (std::size_t at = 0; at <= text.size(); ++at) {
      EXPECT_EQ(lines.at(at), (LineColumn{line, column})) << at;
      EXPECT_EQ(line_column(text, at), (LineColumn{line, column})) << at;
      if (at == text.size()) break;
      const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
      column = text[at] == '\n' ? 1 : begins ? column + 1 : column;
      line += text[at] == '\n' ? 1 : 0;
    }
    EXPECT_EQ(lines.at(text.size() + 100), (LineColumn{line, column})) << "beyond the end is the end";
  }
}

// That it costs the same at the end of a long text as at its begin cannot be timed: what a look-up does not
// read may be changed.
TEST(LineIndex, ReadsLessThanAStrideOfTheTextForAPlace) {
  const auto original = long_text();
  auto text = original;
  const LineIndex lines(text);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const auto expected = line_column(original, at);
    const auto from = at / LineIndex::kStride * LineIndex::kStride;
    text.assign(text.size(), '\n');
    text.replace(from, at - from, original, from, at - from);
    EXPECT_EQ(lines.at(at), expected) << at;
  }
}

TEST(Issues, AnExcerptOfALongLineReadsWhatItShows) {
  auto text = std::string(100'000, 'a') + "oops" + std::string(100'000, 'b');
  const Span span{100'000, 100'004};
  const auto shown = excerpt(text, span, 1);
  EXPECT_EQ(shown, excerpt(text, span));
  EXPECT_LT(shown.size(), 500u);
  text.replace(0, 90'000, std::string(90'000, '\n'));
  text.replace(110'000, 90'000, std::string(90'000, '\n'));
  EXPECT_EQ(excerpt(text, span, 1), shown);
}

TEST(Issues, OfManyPoliciesInOneLineHaveTheirColumns) {
  std::string text;
  std::vector<int> columns;
  for (int i = 0; i < 20; ++i) {
    columns.push_back(static_cast<int>(text.size()) + 1);
    text += "oops" + std::string(static_cast<std::size_t>(100 * i), ' ') + ";";
  }
  const auto refused = parse_policies(text);
  ASSERT_FALSE(refused.has_value());
  std::vector<int> found;
  for (const Issue& issue : refused.error())
    if (found.empty() || issue.column != found.back()) found.push_back(issue.column);
  for (const int column : columns) EXPECT_THAT(found, ::testing::Contains(column));
}

}  // namespace
}  // namespace writ::cedar::issue_test
