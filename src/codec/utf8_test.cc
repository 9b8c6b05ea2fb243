#include "codec/utf8.h"

#include <gtest/gtest.h>
#include <string>

namespace writ::codec::utf8_test {
namespace {

TEST(Utf8, SequenceLengthKnowsTheEdgesOfTheTable) {
  EXPECT_EQ(utf8_sequence_length(""), 0U);
  EXPECT_EQ(utf8_sequence_length("a"), 1U);
  EXPECT_EQ(utf8_sequence_length("\xc2\x80"), 2U);
  EXPECT_EQ(utf8_sequence_length("\xe0\xa0\x80"), 3U);
  EXPECT_EQ(utf8_sequence_length("\xed\x9f\xbf"), 3U);
  EXPECT_EQ(utf8_sequence_length("\xf4\x8f\xbf\xbf"), 4U);
  for (const auto* text :
       {"\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x82z"}) {
    EXPECT_EQ(utf8_sequence_length(text), 0U);
  }
}

TEST(Utf8, BothFunctionsAgreeOnEveryThreeBytes) {
  // Every lead and second byte, with a few third bytes: the whole table, without sixteen million rounds.
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (const char third : {'\x00', '\x7f', '\x80', '\xbf', '\xc2'}) {
        const std::string text{static_cast<char>(first), static_cast<char>(second), third};
        std::string_view rest = text;
        while (const auto length = utf8_sequence_length(rest)) rest.remove_prefix(length);
        ASSERT_EQ(valid_utf8(text), rest.empty()) << first << ' ' << second << ' ' << int{third};
      }
    }
  }
}

TEST(Utf8, EmptyTextIsValid) {
  EXPECT_TRUE(valid_utf8(""));
  EXPECT_TRUE(valid_utf8(std::string_view()));
}

}  // namespace
}  // namespace writ::codec::utf8_test
