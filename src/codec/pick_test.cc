#include "codec/pick.h"

#include <gtest/gtest.h>
#include <memory>

namespace writ::codec::pick_test {
namespace {

constexpr std::string_view kNames[] = {"a", "b"};

ErrorCode error_of(std::string_view text, const JsonLimits& limits = {}) {
  // In a buffer of exactly its size.
  const auto buffer = std::make_unique<char[]>(text.size());
  std::ranges::copy(text, buffer.get());
  const auto picked = pick_members({buffer.get(), text.size()}, kNames, limits);
  EXPECT_FALSE(picked) << text;
  return picked ? ErrorCode::kInternal : picked.error().code;
}

TEST(Pick, WhatIsAskedForIsThereAndNothingElse) {
  EXPECT_EQ(R"({"b":[1,{"c":null}],"a":"x"})",
            pick_members(R"({"b":[1,{"c":null}],"z":{"a":2},"a":"x"})", kNames)->dump());
  EXPECT_EQ("{}", pick_members(R"({"z":1})", kNames)->dump());
  EXPECT_EQ("{}", pick_members("{}", kNames)->dump());
}

TEST(Pick, ItIsTheSameAsParsingAllOfIt) {
  const std::string text = R"({"a":"\u00e9\ud83d\ude00","other":1.5,"b":-9223372036854775808})";
  const auto all = parse_json(text), some = pick_members(text, kNames);
  ASSERT_TRUE(all && some);
  EXPECT_EQ(*all->find("a"), *some->find("a"));
  EXPECT_EQ(*all->find("b"), *some->find("b"));
}

TEST(Pick, WhatIsMalformedIsRefusedWhereverItStands) {
  for (const auto text :
       {"", "[]", "1", "{", R"({"a":1)", R"({"a":1}x)", R"({"z":tru})", "{\"z\":\"\xff\"}", "\xEF\xBB\xBF{}"})
    EXPECT_EQ(ErrorCode::kInvalid, error_of(text)) << text;
}

TEST(Pick, AMemberThatIsAskedForStandsThereOnce) {
  EXPECT_EQ(ErrorCode::kInvalid, error_of(R"({"a":1,"a":1})"));
  EXPECT_EQ(ErrorCode::kInvalid, error_of(R"({"a":{"x":1,"x":2}})"));
  EXPECT_EQ(ErrorCode::kInvalid, error_of(R"({"a":"\udc00"})"));
}

TEST(Pick, TheLimitsHold) {
  EXPECT_EQ(ErrorCode::kLimit, error_of(R"({"a":1})", {.max_bytes = 6}));
  EXPECT_TRUE(pick_members(R"({"a":1})", kNames, {.max_bytes = 7}));
  EXPECT_EQ(ErrorCode::kLimit, error_of(R"({"a":[[1]]})", {.max_depth = 2}));
  EXPECT_TRUE(pick_members(R"({"a":[[1]]})", kNames, {.max_depth = 3}));
}

}  // namespace
}  // namespace writ::codec::pick_test
