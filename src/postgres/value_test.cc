// What a column holds, as JSON: one way for each type, and nothing that is nearly one.
#include "postgres/value.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace writ::postgres::value_test {
namespace {

using enum ColumnKind;
using ::testing::HasSubstr;

std::string read(ColumnType type, std::string_view text) {
  const auto value = value_of(type, text);
  return value ? value->dump() : value.error().message;
}

std::string extension(std::string_view function, std::string_view argument) {
  return fmt::format(R"({{"__extn":{{"fn":"{}","arg":"{}"}}}})", function, argument);
}

TEST(Value, EachTypeIsReadInOneWay) {
  EXPECT_EQ(read({kBool}, "t"), "true");
  EXPECT_EQ(read({kBool}, "f"), "false");
  EXPECT_EQ(read({kInteger}, "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(read({kText}, "12"), R"("12")");
  EXPECT_EQ(read({kText}, R"({"__entity": 1})"), R"("{\"__entity\": 1}")");
  EXPECT_EQ(read({kAddress}, "10.0.0.0/8"), extension("ip", "10.0.0.0/8"));
}

TEST(Value, ADecimalHasAtMostFourPlaces) {
  EXPECT_EQ(read({kDecimal}, "7"), extension("decimal", "7.0"));
  EXPECT_EQ(read({kDecimal}, "-12.500000"), extension("decimal", "-12.5"));
  EXPECT_EQ(read({kDecimal}, "0.0000"), extension("decimal", "0.0"));
  EXPECT_THAT(read({kDecimal}, "1.00001"), HasSubstr("more than four places"));
  for (const auto* text : {"NaN", "Infinity", "-Infinity", "", "1e3"})
    EXPECT_THAT(read({kDecimal}, text), HasSubstr("is not a finite number")) << text;
}

TEST(Value, AMomentIsCutToTheMillisecond) {
  EXPECT_EQ(read({kDate}, "2026-11-28"), extension("datetime", "2026-11-28"));
  EXPECT_EQ(read({kInstant}, "2026-11-28 09:43:10+00"), extension("datetime", "2026-11-28T09:43:10Z"));
  EXPECT_EQ(read({kInstant}, "2026-11-28 09:43:10.1+00"), extension("datetime", "2026-11-28T09:43:10.100Z"));
  EXPECT_EQ(read({kInstant}, "2026-11-28 09:43:10.123999+00"),
            extension("datetime", "2026-11-28T09:43:10.123Z"));
  for (const auto* text :
       {"infinity", "0044-03-15 00:00:00+00 BC", "12026-01-01 00:00:00+00", "2026-11-28 09:43:10+01",
        "2026-11-28 09:43:10", "2026-11-28 09:43:10.1234567+00", "+00", ""})
    EXPECT_THAT(read({kInstant}, text), HasSubstr("is not a moment")) << text;
  EXPECT_THAT(read({kDate}, "infinity"), HasSubstr("is not a day"));
}

TEST(Value, AnArrayIsAList) {
  EXPECT_EQ(read({kText, true}, R"({a,"b \"c\",\\d","NULL",""})"), R"(["a","b \"c\",\\d","NULL",""])");
  EXPECT_EQ(read({kInteger, true}, "{1,2}"), "[1,2]");
  EXPECT_EQ(read({kBool, true}, "{}"), "[]");
  EXPECT_THAT(read({kText, true}, "{a,NULL}"), HasSubstr("is NULL"));
  EXPECT_THAT(read({kText, true}, "{{a}}"), HasSubstr("one dimension"));
  EXPECT_THAT(read({kText, true}, "[0:1]={a,b}"), HasSubstr("first element"));
  for (const auto* text : {"{a", R"({"a)", R"({"a\)", "{a}b", R"({"a"b})"})
    EXPECT_THAT(read({kText, true}, text), HasSubstr("is not an array")) << text;
}

TEST(Value, AnArrayHasALimit) {
  const auto of = [](std::size_t size) {
    std::string text = "{1";
    for (std::size_t i = 1; i < size; ++i) text += ",1";
    return text + "}";
  };
  EXPECT_EQ(value_of({kInteger, true}, of(64))->if_array()->size(), 64u);
  EXPECT_THAT(read({kInteger, true}, of(65)), HasSubstr("more than 64 elements"));
}

TEST(Value, NumbersThatMayBeRoundedAndTimesOfNoZoneAreNotRead) {
  for (const std::uint32_t oid : {700u, 701u, 790u, 1114u, 17u, 114u, 3802u, 1042u, 1231u, 0u})
    EXPECT_EQ(builtin_type(oid), std::nullopt) << oid;
}

}  // namespace
}  // namespace writ::postgres::value_test
