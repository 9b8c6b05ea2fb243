#include "codec/ascii.h"

#include <gtest/gtest.h>

namespace writ::codec::ascii_test {
namespace {

TEST(Ascii, OnlyItsOwnLettersChangeTheirCase) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const char expected = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : c;
    EXPECT_EQ(lowered(c), expected) << byte;
    EXPECT_EQ(lowered(std::string_view(&c, 1)), std::string(1, expected)) << byte;
  }
  EXPECT_EQ(lowered("Content-Type: É"), "content-type: É");
  EXPECT_EQ(lowered(""), "");
}

TEST(Ascii, BlanksAreTakenFromBothEndsOnly) {
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed("\t a b \t"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \na\n"), "\na\n") << "a line's end is not a blank of a field";
  EXPECT_EQ(trimmed(" \na\r\n", " \t\r\n"), "a");
}

}  // namespace
}  // namespace writ::codec::ascii_test
