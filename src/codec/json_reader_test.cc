#include "codec/json_reader.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace writ::codec::json_reader_test {
namespace {

// parse_json is the definition.
void expect_the_definition(JsonReader& reader, std::string_view text, const JsonLimits& limits = {}) {
  const auto expected = parse_json(text, limits);
  const auto read = reader.read(text, limits);
  ASSERT_EQ(read.has_value(), expected.has_value()) << text;
  if (!expected) {
    EXPECT_EQ(read.error().code, expected.error().code) << text;
    EXPECT_EQ(read.error().message, expected.error().message) << text;
    return;
  }
  EXPECT_EQ((*read)->tree(), *expected) << text;
  EXPECT_EQ((*read)->kind(), expected->kind()) << text;
}

TEST(JsonReader, GivesMembersWhereTheyWereRead) {
  JsonReader reader;
  const auto* root = reader.read(R"({"a":{"x":"deep","y":[1,{"z":2}]},"b":"text","c":7})").value();
  ASSERT_TRUE(root->is_object());
  EXPECT_EQ(root->find("a")->find("x")->if_string(), "deep");
  EXPECT_EQ(root->find("a")->find("y")->tree().dump(), R"([1,{"z":2}])");
  EXPECT_EQ(root->find("b")->if_string(), "text");
  EXPECT_EQ(root->find("c")->if_string(), std::nullopt);
  EXPECT_EQ(root->find("x"), nullptr) << "it is a member of a member";
  EXPECT_EQ(root->find("b")->find("x"), nullptr) << "a text has no members";
}

TEST(JsonReader, AnIntegerBeyond64BitsIsSomeDoubleWhereThatIsAskedFor) {
  JsonReader reader;
  constexpr auto kSomeDouble = JsonReader::LargeIntegers::kSomeDouble;
  for (const auto* large : {"9223372036854775808", "18446744073709551616", "-9223372036854775809",
                            "123456789012345678901234567890"}) {
    const auto text = R"({"a":[)" + std::string(large) + R"(,1],"b":")" + large + R"(\" )" + large +
                      R"(","c":)" + large + "}";
    EXPECT_FALSE(reader.read(text)) << text;
    const auto read = reader.read(text, {}, kSomeDouble);
    ASSERT_TRUE(read) << text;
    const auto tree = (*read)->tree();
    EXPECT_TRUE(tree.find("a")->if_array()->at(0).is_double()) << text;
    EXPECT_TRUE(tree.find("a")->if_array()->at(1).is_int());
    EXPECT_EQ(*tree.find_string("b"), std::string(large) + "\" " + large);
    EXPECT_TRUE(tree.find("c")->is_double());
  }
  for (const auto* exact : {"9223372036854775807", "-9223372036854775808", "0", "-1"})
    EXPECT_TRUE((*reader.read(exact, {}, kSomeDouble))->tree().is_int()) << exact;
  // What is malformed stays so.
  for (const auto* bad : {"09223372036854775808", "+9223372036854775808", "9223372036854775808x",
                          "9223372036854775808 1", "[9223372036854775808", "9223372036854775808-",
                          "{\"a\":9223372036854775808,\"a\":1}", "\"9223372036854775808", "-", ""})
    EXPECT_FALSE(reader.read(bad, {}, kSomeDouble)) << bad;
}

TEST(JsonReader, ReadsAndRefusesWhatParseJsonDoesInTheSameWords) {
  JsonReader reader;
  for (const std::string_view text : {"",
                                      " ",
                                      "null",
                                      "true",
                                      "false",
                                      "0",
                                      "-7",
                                      "1.5",
                                      "1e3",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "18446744073709551616",
                                      "1e999",
                                      "\"\"",
                                      "\"a\\u0000b\"",
                                      "\"\\ud83d\\ude00\"",
                                      "\"\\ud83d\"",
                                      "\"\\ude00\"",
                                      "\"\xff\"",
                                      "\"open",
                                      "[]",
                                      "{}",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":{\"b\":1,\"b\":2}}",
                                      "{\"\\ud800\":1}",
                                      "{\"a\":1} x",
                                      "\xEF\xBB\xBF{}",
                                      R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10})",
                                      R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"a":10})"})
    expect_the_definition(reader, text);
}

TEST(JsonReader, OfSeveralNamesThatOccurTwiceItTellsOfTheSame) {
  JsonReader reader;
  for (const auto* text :
       {R"({"z":1,"a":1,"z":1,"a":1})", R"({"z":1,"a":1,"z":1,"a":1,"b":1,"c":1,"d":1,"e":1,"f":1})",
        R"({"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"z":1,"a":1,"z":1,"a":1})"})
    expect_the_definition(reader, text);
}

TEST(JsonReader, WhatIsNestedTooDeepOrTooLongIsRefused) {
  JsonReader reader;
  const JsonLimits limits{.max_bytes = 100, .max_depth = 4};
  for (std::size_t depth = 1; depth < 8; ++depth) {
    expect_the_definition(reader, std::string(depth, '[') + std::string(depth, ']'), limits);
    std::string objects = "1";
    for (std::size_t i = 0; i < depth; ++i) objects = "{\"a\":" + objects + "}";
    expect_the_definition(reader, objects, limits);
  }
  expect_the_definition(reader, "\"" + std::string(98, 'a') + "\"", limits);
  expect_the_definition(reader, "\"" + std::string(99, 'a') + "\"", limits);
  EXPECT_EQ(reader.read("[[[[[]]]]]", limits).error().code, ErrorCode::kLimit);
}

TEST(JsonReader, ReadsALongTextAndShortOnesAfterIt) {
  JsonReader reader;
  std::string list = "[";
  for (int i = 0; i < 50'000; ++i) list += "{\"name\":" + std::to_string(i) + "},";
  list.back() = ']';
  expect_the_definition(reader, list);
  expect_the_definition(reader, R"({"a":1})");
}

TEST(JsonReader, RandomTextsAreReadAsParseJsonReadsThem) {
  std::mt19937 random(1);
  JsonReader reader;
  const std::string_view pieces[] = {"{",   "}",     "[", "]",    ",",    ":",    "\"a\"", "\"b\"",
                                     "\"a", "\\u00", "1", "-2.5", "true", "null", " ",     "\\ud800"};
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) text += pieces[random() % std::size(pieces)];
    expect_the_definition(reader, text);
  }
  // Whole ones, of which a byte is changed now and then.
  const std::string whole =
      R"({"subject":{"type":"user","id":"nora"},"action":{"name":"read"},"x":[1,"\u00e9",{}]})";
  for (int i = 0; i < 50'000; ++i) {
    auto text = whole;
    if (i % 4 != 0) text[random() % text.size()] = static_cast<char>(random() % 256);
    expect_the_definition(reader, text);
  }
}

}  // namespace
}  // namespace writ::codec::json_reader_test
