#include "codec/pick.h"

#include <gtest/gtest.h>
#include <memory>

#include "codec/json_pointer.h"

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

TEST(PickAlone, ItFindsWhatIsFoundInTheWholeTreeAndRefusesWhatIsRefusedThere) {
  constexpr std::string_view kPointers[] = {"/a",       "/a/b",      "/a/b/c", "/list/0",
                                            "/list/01", "/list/1/x", "/a~1b",  "/n"};
  std::vector<std::vector<std::string>> pointers;
  for (const auto pointer : kPointers) pointers.push_back(pointer_names(pointer));
  const std::string nine = R"({"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"a":)";
  for (const std::string text : {R"({})",
                                 R"(null)",
                                 R"(7)",
                                 R"("a")",
                                 R"([1,{"a":2}])",
                                 R"({"a":1,"n":null})",
                                 R"({"a":{"b":{"c":"x"},"B ":1}})",
                                 R"({"a":{"b":{"c":[1,2.5,{"d":false}]}}})",
                                 R"({"a":1,"A":2})",
                                 R"({"a.b":1,"a":{"b":2}})",
                                 R"({"a_b.c":1,"a":{"b":{"c":3}}})",
                                 R"({"list":[1,{"x":"y"}],"a/b":true})",
                                 R"({"list":{"0":1,"01":2}})",
                                 R"({"list":[]})",
                                 R"({"a":1,"a":2})",
                                 R"({"z":{"y":1,"y":2},"a":1})",
                                 R"({"z":"\udc00","a":1})",
                                 R"({"\udc00":1,"a":1})",
                                 R"({"z":9223372036854775808})",
                                 R"({"z":[[[[1]]]]})",
                                 R"({"a":1)",
                                 R"({"a":1}x)",
                                 R"()",
                                 "{\"a\":\"\xff\"}",
                                 "{\"a\\u0000x\":1}",
                                 "{\"\xef\xbd\x81\":1}"}) {
    for (const auto& each : {text, nine + (text.empty() ? "1" : text) + "}", nine + "1,\"1\":2}"}) {
      // In a buffer of exactly its size.
      const auto buffer = std::make_unique<char[]>(each.size());
      std::ranges::copy(each, buffer.get());
      const JsonLimits limits{.max_bytes = each.size(), .max_depth = 4};
      const auto picked = pick_alone({buffer.get(), each.size()}, pointers, limits);
      const auto whole = parse_json(each, limits);
      ASSERT_EQ(picked.has_value(), whole.has_value()) << each;
      if (!whole) {
        EXPECT_EQ(picked.error().message, whole.error().message) << each;
        continue;
      }
      EXPECT_EQ(picked->kind, whole->kind()) << each;
      ASSERT_EQ(picked->found.size(), pointers.size());
      for (std::size_t i = 0; i < pointers.size(); ++i) {
        const auto found = find_alone(*whole, kPointers[i]);
        ASSERT_EQ(picked->found[i].has_value(), found.has_value()) << each << kPointers[i];
        if (!found) {
          EXPECT_EQ(picked->found[i].error().message, found.error().message);
          continue;
        }
        ASSERT_EQ(picked->found[i]->has_value(), *found != nullptr) << each << kPointers[i];
        if (*found != nullptr) {
          EXPECT_EQ(**picked->found[i], **found) << each << kPointers[i];
        }
      }
    }
  }
}

}  // namespace
}  // namespace writ::codec::pick_test
