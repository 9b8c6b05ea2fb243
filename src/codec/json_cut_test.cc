#include "codec/json_cut.h"

#include <gtest/gtest.h>

#include "codec/json_pointer.h"

namespace writ::codec::json_cut_test {
namespace {

std::vector<JsonPattern> patterns(std::initializer_list<std::string_view> texts) {
  std::vector<JsonPattern> made;
  for (const auto text : texts) made.push_back(parse_json_pattern(text).value());
  return made;
}

std::string redacted(std::string_view text, std::initializer_list<std::string_view> redact) {
  return cut_json(text, {.redact = patterns(redact), .keep = {}}).value_or("(refused)");
}

std::string kept(std::string_view text, std::initializer_list<std::string_view> keep) {
  return cut_json(text, {.redact = {}, .keep = {patterns(keep)}}).value_or("(refused)");
}

TEST(JsonCut, WhatIsNamedGoesAndWhatStaysKeepsItsBytes) {
  EXPECT_EQ(
      redacted(
          R"( { "id" : 1 ,"card":{"number":"4111", "last4":  "11\u0031" } , "sum":1e2, "notes":[1,{}] } )",
          {"/card/number", "/notes"}),
      R"({"id":1,"card":{"last4":"11\u0031"},"sum":1e2})");
  EXPECT_EQ(redacted(R"({"a":1.10,"big":9223372036854775807})", {"/x"}),
            R"({"a":1.10,"big":9223372036854775807})");
  EXPECT_EQ(redacted(R"({"a":1})", {"/a"}), "{}");
  EXPECT_EQ(redacted(R"({"a":{}, "b":[ ]})", {"/a/b", "/b/0"}), R"({"a":{},"b":[]})");
  EXPECT_EQ(redacted("\"text\"", {"/a"}), "\"text\"");
}

TEST(JsonCut, AStarStandsForEachElementAndEachMember) {
  EXPECT_EQ(redacted(R"([{"n":1,"p":2},{"p":3}])", {"/*/p"}), R"([{"n":1},{}])");
  EXPECT_EQ(redacted(R"({"by":{"x":{"p":1,"q":2},"y":{"p":3}}})", {"/by/*/p"}),
            R"({"by":{"x":{"q":2},"y":{}}})");
  EXPECT_EQ(redacted(R"({"a":[1,2],"b":3})", {"/a/*"}), R"({"a":[],"b":3})");
  EXPECT_EQ(redacted(R"({"a":[1,2,3]})", {"/a/1"}), R"({"a":[1,3]})");
}

TEST(JsonCut, AMemberThatIsNamedThroughAListIsRedactedInEachElement) {
  EXPECT_EQ(redacted(R"({"items":[{"price":1,"id":2},[{"price":3}]]})", {"/items/price"}),
            R"({"items":[{"id":2},[{}]]})");
}

TEST(JsonCut, WhatAnotherReaderTakesForWhatIsRedactedGoesToo) {
  EXPECT_EQ(redacted(R"({"n\u006ftes":1,"Notes":2,"no_tes":3,"ｎｏｔｅｓ":4,"note":5})", {"/notes"}),
            R"({"note":5})");
  EXPECT_EQ(redacted(R"({"Card":{"NUMBER":1,"x":2},"card.number":3,"cardNumber":4})", {"/card/number"}),
            R"({"Card":{"x":2}})");
}

TEST(JsonCut, OnlyWhatIsKeptStays) {
  EXPECT_EQ(
      kept(R"({"id": 1,"Id":2,"card":{"number":"4","last4":"1"},"lines":[{"sku":"a","net":1},{"net":2}]})",
           {"/id", "/card/last4", "/lines/*/sku"}),
      R"({"id":1,"card":{"last4":"1"},"lines":[{"sku":"a"},{}]})");
  EXPECT_EQ(kept(R"({"card":"4111","id":[1,2,3]})", {"/card/last4", "/id/0"}), R"({"id":[1]})");
  EXPECT_EQ(kept(R"({"a":{"b":[1, 2]}})", {"/a"}), R"({"a":{"b":[1, 2]}})");
  EXPECT_EQ(kept(R"({"items":[{"p":1}]})", {"/items/p"}), R"({"items":[]})");
  EXPECT_EQ(kept("12", {"/a"}), "(refused)");
}

TEST(JsonCut, OfSeveralListsOnlyWhatEachOfThemKeeps) {
  const JsonCut cut{.redact = {}, .keep = {patterns({"/card", "/id"}), patterns({"/card/last4", "/total"})}};
  EXPECT_EQ(cut_json(R"({"id":1,"total":2,"card":{"last4":3,"number":4}})", cut), R"({"card":{"last4":3}})");
}

TEST(JsonCut, WhatIsKeptIsRedactedAllTheSame) {
  JsonCut cut{.redact = patterns({"/card/number"}), .keep = {patterns({"/card"})}};
  EXPECT_EQ(cut_json(R"({"card":{"number":1,"last4":2},"id":3})", cut), R"({"card":{"last4":2}})");
}

TEST(JsonCut, WhatHasTwoReadingsIsNotCut) {
  for (const auto* text : {R"({"a":1,"a":2})", "{", "", "{} {}", "{\"a\":\"\xff\"}", "{'a':1}", "[1,]"})
    EXPECT_EQ(redacted(text, {"/b"}), "(refused)") << text;
  EXPECT_FALSE(cut_json("[[[1]]]", {.redact = patterns({"/a"}), .keep = {}}, {.max_depth = 2}));
  EXPECT_FALSE(cut_json("[1234]", {.redact = patterns({"/a"}), .keep = {}}, {.max_bytes = 5}));
}

TEST(JsonCut, TheBytesBehindATextAreNotRead) {
  const std::string text = R"({"a":{"b":"\\"},"c":12})";
  const std::vector<char> exact(text.begin(), text.end());
  EXPECT_EQ(redacted({exact.data(), exact.size()}, {"/a/b"}), R"({"a":{},"c":12})");
}

TEST(JsonCut, APatternIsAPointerOfAsciiNames) {
  for (const auto* text : {"", "a", "/", "/a/", "/~2", "/\xc3\xa9", "/a b", "//"})
    EXPECT_FALSE(parse_json_pattern(text)) << text;
  EXPECT_EQ(parse_json_pattern("/a~1b/*/0")->names, (std::vector<std::string>{"a/b", "*", "0"}));
  EXPECT_EQ(redacted(R"({"a/b":1,"c":2})", {"/a~1b"}), R"({"c":2})");
}

TEST(JsonCut, ItIsToldAsJson) {
  JsonCut cut;
  EXPECT_TRUE(cut.empty());
  for (int twice = 0; twice < 2; ++twice) {
    cut.add_redaction(parse_json_pattern("/notes").value());
    cut.add_kept(patterns({"/id", "/total"}));
  }
  EXPECT_EQ(cut.to_json().dump(), R"({"redact":["/notes"],"keep":[["/id","/total"]]})");
}

}  // namespace
}  // namespace writ::codec::json_cut_test
