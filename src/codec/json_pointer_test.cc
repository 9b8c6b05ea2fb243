#include "codec/json_pointer.h"

#include <gtest/gtest.h>

namespace writ::codec::json_pointer_test {
namespace {

constexpr std::string_view kText =
    R"({"amount": 1000.50 , "lines":[{"net":20},{"net":0.10000000000000000001}],"a/b":{"m~n":1.5},"no":"5","n":-1e3})";

std::string at(std::string_view pointer) {
  const auto json = parse_json(kText).value();
  const auto* found = at_pointer(json, pointer);
  return found == nullptr ? "nothing" : found->dump();
}

TEST(JsonPointer, FindsMembersAndItems) {
  EXPECT_EQ(at("/amount"), "1000.5");
  EXPECT_EQ(at("/lines/0/net"), "20");
  EXPECT_EQ(at("/a~1b/m~0n"), "1.5");
}

TEST(JsonPointer, FindsNothingWhereNothingIs) {
  for (const auto* pointer : {"", "amount", "/", "/none", "/lines/2", "/lines/00", "/lines/-", "/lines/0x0",
                              "/amount/0", "/lines/net", "/a~2b", "/a~", "/lines/99999999999999999999"})
    EXPECT_EQ(at(pointer), "nothing") << pointer;
}

// codec/twin.h.
TEST(JsonPointer, WhatHasATwinOnItsWayIsNotAlone) {
  const auto alone = [](std::string_view text, std::string_view pointer) {
    const auto json = parse_json(text).value();
    const auto* found = at_pointer_alone(json, pointer);
    return found == nullptr ? "nothing" : found->dump();
  };
  EXPECT_EQ(alone(R"({"a":{"b":1},"c":2})", "/a/b"), "1");
  EXPECT_EQ(alone(R"({"a":[{"b":1}],"c":2})", "/a/0/b"), "1");
  EXPECT_EQ(alone(R"({"a":{"b":1,"B":2}})", "/a/b"), "nothing");
  EXPECT_EQ(alone(R"({"a":{"b":1},"A ":2})", "/a/b"), "nothing");
  EXPECT_EQ(alone(R"({"a":{"b":1},"a.b":2})", "/a/b"), "nothing");
  EXPECT_EQ(alone(R"({"a":[{"b":1}],"a[0].b":2})", "/a/0/b"), "nothing");
  EXPECT_EQ(alone(R"({"a":[{"b":1}],"é":2})", "/a/0/b"), "nothing");
  EXPECT_EQ(alone(R"({"a":{"b":1},"c":{"A":2}})", "/a/b"), "1");
  EXPECT_EQ(alone(R"({"A":1})", "/a"), "nothing");
  EXPECT_EQ(alone(R"({"a":1})", "a"), "nothing");
  EXPECT_EQ(pointer_names("/a~1b/m~0n/"), (std::vector<std::string>{"a/b", "m~n", ""}));
}

TEST(JsonPointer, TellsANumberAsItIsWritten) {
  EXPECT_EQ(number_text(kText, "/amount"), "1000.50");
  EXPECT_EQ(number_text(kText, "/lines/1/net"), "0.10000000000000000001");
  EXPECT_EQ(number_text(kText, "/a~1b/m~0n"), "1.5");
  EXPECT_EQ(number_text(kText, "/n"), "-1e3");
  EXPECT_FALSE(number_text(kText, "/no"));
  EXPECT_FALSE(number_text(kText, "/none"));
  EXPECT_FALSE(number_text(kText, "/lines"));
}

}  // namespace
}  // namespace writ::codec::json_pointer_test
