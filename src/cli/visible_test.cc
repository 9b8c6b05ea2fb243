#include "cli/visible.h"

#include <gtest/gtest.h>

namespace writ::cli::visible_test {
namespace {

TEST(Visible, WhatMovesTheCursorIsShownAndDoesNothing) {
  EXPECT_EQ(visible("a\x1b[2Jb"), "a\\u{1b}[2Jb");
  EXPECT_EQ(visible("a\rb\b\x7f"), "a\\u{d}b\\u{8}\\u{7f}");
  EXPECT_EQ(visible("\xc2\x9b"
                    "31m"),
            "\\u{9b}31m");
}

TEST(Visible, WhatTurnsTheDirectionOfTextIsShownAndDoesNothing) {
  EXPECT_EQ(visible("a\u202egpj"), "a\\u{202e}gpj");
  EXPECT_EQ(visible("\u2066\u2069"), "\\u{2066}\\u{2069}");
}

TEST(Visible, LettersOfEveryScriptTabsAndLineBreaksStay) {
  const std::string text = "Jörg ü 日本 🙂\tא\nnext\r\nlast";
  EXPECT_EQ(visible(text), text);
  EXPECT_EQ(visible(""), "");
}

TEST(Visible, OneLineStaysOne) {
  EXPECT_EQ(visible_line("nora\n    12 2026 permit"), "nora\\u{a}    12 2026 permit");
  EXPECT_EQ(visible_line("a\tb"), "a\tb");
}

TEST(Visible, WhatIsNotUtf8IsShownByteByByte) {
  EXPECT_EQ(visible("a\xff\xc3"), "a\\xff\\xc3");
}

}  // namespace
}  // namespace writ::cli::visible_test
