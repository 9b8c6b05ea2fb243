#include "codec/twin.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>

namespace writ::codec::twin_test {
namespace {

TEST(Twin, WhatSomeReaderTakesForTheSameNameIsOne) {
  for (const auto* other :
       {"amount",     "Amount",       "AMOUNT",      "amount ",      " amount",      "\tamount",
        "a-mount",    "a_mount",      "a.mount",     "amount[]",     "[amount]",     "amount\x01",
        "$amount",    "ａｍｏｕｎｔ", "ａmount",     "amount\u200b", "am\u00adount", "\ufeffamount",
        "àmount",     "amount\u0301", "amoun\u1d57", "𝐚mount",       "ⓐmount",       "amount日",
        "amount\xc3", "am\xffount",   "é",           "🙂"})
    EXPECT_TRUE(may_read_as(other, "amount")) << other;
  EXPECT_TRUE(may_read_as("ſum", "sum"));
  EXPECT_TRUE(may_read_as("\u212a", "k"));     // Kelvin
  EXPECT_TRUE(may_read_as("lımıt", "limit"));  // dotless
  EXPECT_TRUE(may_read_as("LİMİT", "limit"));
  EXPECT_TRUE(may_read_as("ﬁne", "fine"));
  EXPECT_TRUE(may_read_as("㎏", "kg"));
  EXPECT_TRUE(may_read_as("Ⅻ", "xii"));
}

// cJSON and json-c compare names up to a NUL, and JSON can write one: "amount\u0000x".
TEST(Twin, ANameThatAReaderInCCutsAtItsNulIsOne) {
  using namespace std::string_view_literals;
  for (const auto other : {"amount\0x"sv, "Amount\0"sv, "a-mount\0\0amounts"sv, "\0amount"sv, "ａmount\0x"sv})
    EXPECT_TRUE(may_read_as(other, "amount")) << other;
  EXPECT_FALSE(may_read_as("amounts\0"sv, "amount"));
  EXPECT_FALSE(may_read_as("\0amounts"sv, "amount"));
}

TEST(Twin, OtherNamesAreNone) {
  for (const auto* other : {"", "amounts", "amoun", "mount", "currency", "größe", "montant_dû", "日付",
                            "количество", "금액", "ποσό", "المبلغ", "amount2", "a", "é_total"})
    EXPECT_FALSE(may_read_as(other, "amount")) << other;
}

// Dropped by a reader that knows ASCII only; else a letter of its own.
TEST(Twin, ALetterOfAnotherScriptIsDroppedOrItself) {
  EXPECT_TRUE(may_read_as("amount\u0430", "amount"));
  EXPECT_FALSE(may_read_as("\u0430mount", "amount"));
  EXPECT_TRUE(may_read_as("\u0430mount", "mount"));
}

TEST(Twin, AnAsciiNameHasALetterOrDigitAndNothingInvisible) {
  for (const auto* name : {"a", "0", "$top", "net-amount", "a/b"}) EXPECT_TRUE(is_ascii_name(name)) << name;
  for (const auto* name : {"", "--", "a b", "a\t", "ä", "a\x7f"}) EXPECT_FALSE(is_ascii_name(name)) << name;
}

// In a buffer of exactly its size, so that a sanitizer sees a byte too many.
TEST(Twin, ReadsNoByteBeyondItsEnd) {
  for (const std::string_view text : {"a", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xf0", "\xff", "a\xc3"}) {
    const auto exact = std::make_unique<char[]>(text.size());
    std::ranges::copy(text, exact.get());
    EXPECT_TRUE(may_read_as({exact.get(), text.size()}, "a")) << text;
  }
}

}  // namespace
}  // namespace writ::codec::twin_test
