#include "http/headers.h"

#include <gtest/gtest.h>

namespace writ::http::headers_test {
namespace {

// Words of bytes are compared at once, whatever the size is: they agree with the definition for every byte.
TEST(Headers, NamesCompareWithoutCaseAndElseByteForByte) {
  const auto lower = [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
  const std::string_view one = "Content-Type-Of-Old", other = "cONTENT-tYPE-oF-oLD";
  for (int x = 0; x < 256; ++x) {
    for (int y = 0; y < 256; ++y) {
      const bool same = lower(static_cast<unsigned char>(x)) == lower(static_cast<unsigned char>(y));
      for (const std::size_t size : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 19}) {
        for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
          std::string a(one.substr(0, size)), b(other.substr(0, size));
          a[at] = static_cast<char>(x);
          b[at] = static_cast<char>(y);
          ASSERT_EQ(equal_ignoring_case(a, b), same) << x << ' ' << y << ' ' << at << " of " << size;
        }
      }
    }
  }
  EXPECT_FALSE(equal_ignoring_case("Content-Type", "Content-Typ"));
  EXPECT_TRUE(equal_ignoring_case("", ""));
}

TEST(Headers, AreFoundWithoutRegardToCase) {
  Headers headers{{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(headers.find("content-type"), "text/plain");
  EXPECT_EQ(headers.find("X-a"), "1");
  EXPECT_EQ(headers.count("x-A"), 2u);
  EXPECT_EQ(headers.find("x-b"), std::nullopt);
  EXPECT_EQ(headers.remove("X-A"), 2u);
  EXPECT_EQ(headers.size(), 1u);
}

TEST(Headers, FieldsOfManyNamesAreRemovedTogether) {
  Headers headers{{"Range", "1"},    {"X-Kept", "2"}, {"age", "3"},
                  {"If-Range", "4"}, {"RANGE", "5"},  {"Width", "6"}};
  headers.remove_all({"range", "Age", "If-Range", "If-Match"});
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers.find("x-kept"), "2");
  EXPECT_EQ(headers.find("width"), "6");  // as long as `range`
  headers.remove_all({});
  EXPECT_EQ(headers.size(), 2u);
}

TEST(Headers, TakeTheirOwnValues) {
  Headers headers{{"A", std::string(100, 'a')}};
  for (int i = 0; i < 20; ++i) headers.set("B", *headers.find("a"));
  EXPECT_EQ(headers.find("b"), std::string(100, 'a'));
}

TEST(Headers, KnowLists) {
  const Headers headers{{"Connection", "keep-alive, X-Secret ,close"}, {"Connection", "te"}};
  EXPECT_TRUE(headers.has_token("connection", "x-secret"));
  EXPECT_TRUE(headers.has_token("connection", "TE"));
  EXPECT_FALSE(headers.has_token("connection", "secret"));
}

TEST(Headers, FieldSyntax) {
  EXPECT_TRUE(is_token("X-Request-Id"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("a:"));
  EXPECT_TRUE(is_field_value("a\tb \xff"));
  EXPECT_FALSE(is_field_value("a\r\nb"));
  EXPECT_FALSE(is_field_value(std::string_view("\0", 1)));
}

TEST(FieldValue, EveryByteIsJudgedAloneWhereverItStands) {
  for (std::size_t at = 0; at < 20; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(20, 'a');
      text[at] = static_cast<char>(byte);
      EXPECT_EQ(is_field_value(text), (byte >= 0x20 && byte != 0x7f) || byte == '\t') << at << " " << byte;
    }
  }
}

}  // namespace
}  // namespace writ::http::headers_test
