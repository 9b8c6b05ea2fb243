#include "gateway/answer_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cedar/schema.h"

namespace writ::gateway::answer_reader_test {
namespace {

constexpr std::string_view kSchema = R"(
entity User;
entity Invoice = { owner: User, tenant?: String, shop?: String, amount: Long, due?: datetime, readers?: Set<User>, place?: { city: String } };
)";

// The attributes that an answer gives to an invoice, as Cedar writes them; or why it gives none.
std::string facts(const std::vector<std::pair<std::string, std::string>>& attributes, std::string_view body,
                  bool with_schema = true) {
  const auto reader = AnswerReader::make({.attributes = attributes}).value();
  const auto read = reader.read(std::string(body), "Invoice", "i", {});
  if (!read.answer.unreadable.empty()) return read.answer.unreadable;
  const auto schema = cedar::schema_from_text(kSchema).value();
  cedar::Arena arena;
  const auto value = read.answer.facts(arena, with_schema ? schema.get() : nullptr);
  return value ? value->to_string() : value.error().message;
}

TEST(AnswerReader, TheSchemaSaysWhatAValueIs) {
  EXPECT_EQ(facts({{"owner", "/who"}}, R"({"who":"nora"})"), R"({"owner": User::"nora"})");
  EXPECT_EQ(facts({{"owner", "/who"}}, R"({"who":{"type":"User","id":"nora"}})"),
            R"({"owner": User::"nora"})");
  EXPECT_EQ(facts({{"readers", "/r"}}, R"({"r":["a"]})"), R"({"readers": [User::"a"]})");
  EXPECT_EQ(facts({{"due", "/due"}}, R"({"due":"2026-11-28"})"),
            R"({"due": datetime("2026-11-28T00:00:00.000Z")})");
  EXPECT_EQ(facts({{"place", "/p"}}, R"({"p":{"city":"Ulm"}})"), R"({"place": {"city": "Ulm"}})");
  EXPECT_EQ(facts({{"amount", "/lines/0/net"}}, R"({"lines":[{"net":5}]})"), R"({"amount": 5})");
}

TEST(AnswerReader, AnIntegerIsTheIdOfAnEntityWhereTheSchemaHasOneTypeThere) {
  EXPECT_EQ(facts({{"owner", "/o"}}, R"({"o":42})"), R"({"owner": User::"42"})");
  EXPECT_EQ(facts({{"owner", "/o"}}, R"({"o":-9223372036854775808})"),
            R"({"owner": User::"-9223372036854775808"})");
  EXPECT_EQ(facts({{"readers", "/r"}}, R"({"r":[1,"1",2]})"), R"({"readers": [User::"1", User::"2"]})");
  for (const auto* other :
       {"42.0", "4.2e1", "9223372036854775808", "-9223372036854775809", "042", "true", "[42]"})
    EXPECT_EQ(facts({{"owner", "/o"}}, fmt::format(R"({{"o":{}}})", other)).find("{\"owner\""),
              std::string::npos)
        << other;
}

TEST(AnswerReader, AValueOfAnotherTypeIsNone) {
  for (const auto* body :
       {R"({"a":"5"})", R"({"a":5.0})", R"({"a":[5]})", R"({"a":true})", R"({"a":9223372036854775808})"})
    EXPECT_EQ(facts({{"amount", "/a"}}, body).find("{\"amount\""), std::string::npos) << body;
  EXPECT_NE(facts({{"owner", "/a"}}, R"({"a":{"type":"Invoice","id":"x"}})").find("is not of the type"),
            std::string::npos);
  EXPECT_NE(facts({{"place", "/a"}}, R"({"a":{"city":"Ulm","more":1}})").find("there is no attribute"),
            std::string::npos);
}

TEST(AnswerReader, OnlyWhatTheSchemaLetsBeAbsentMayBeMissing) {
  EXPECT_EQ(facts({{"shop", "/s"}}, "{}"), "{}");
  EXPECT_EQ(facts({{"shop", "/s"}}, R"({"s":null})"), "{}");
  EXPECT_NE(facts({{"amount", "/a"}}, "{}").find("is missing"), std::string::npos);
  EXPECT_NE(facts({{"shop", "/s"}}, "{}", false).find("is missing"), std::string::npos);
  EXPECT_NE(facts({{"shop", "/s"}}, R"({"S":"south"})").find("other readers"), std::string::npos)
      << "it is not absent to everybody";
}

TEST(AnswerReader, WhatAGuardGoesByIsNeverMissing) {
  for (const auto* body : {"{}", R"({"t":null})"})
    EXPECT_NE(facts({{"tenant", "/t"}}, body).find("is missing, and a guard goes by it"), std::string::npos);
}

TEST(AnswerReader, WithoutASchemaTextsIntegersAndBooleansAreReadAndNothingElse) {
  EXPECT_EQ(facts({{"a", "/a"}}, R"({"a":["x",1,true]})", false), R"({"a": ["x", 1, true]})");
  EXPECT_NE(
      facts({{"a", "/a"}}, R"({"a":{"__entity":{"type":"User","id":"n"}}})", false).find("only a schema"),
      std::string::npos);
  EXPECT_NE(facts({{"a", "/a"}}, R"({"a":1.5})", false).find("only a schema"), std::string::npos);
}

TEST(AnswerReader, AnAttributeThatTheSchemaDoesNotHaveIsNone) {
  EXPECT_NE(facts({{"colour", "/c"}}, R"({"c":"red"})").find("does not have the attribute `colour`"),
            std::string::npos);
}

TEST(AnswerReader, WhatCannotBeDeclaredIsNamed) {
  const auto why = [](AnswerSpec spec) {
    const auto made = AnswerReader::make(std::move(spec));
    return made ? "" : made.error().message;
  };
  const std::vector<std::pair<std::string, std::string>> tenant = {{"tenant", "/tenant"}};
  EXPECT_NE(why({}).find("decides by nothing"), std::string::npos);
  EXPECT_NE(why({.attributes = {{"a", "a"}}}).find("not a JSON pointer"), std::string::npos);
  EXPECT_NE(why({.attributes = tenant, .elements = "/items"}).find("needs an `id`"), std::string::npos);
  EXPECT_NE(why({.attributes = tenant, .keep = {"/total"}}).find("about a list"), std::string::npos);
  for (const auto* kept : {"/data", "/data/items", "/data/items/0"})
    EXPECT_NE(why({.attributes = tenant, .id = "/id", .elements = "/data/items", .keep = {kept}})
                  .find("in the list or around"),
              std::string::npos)
        << kept;
  EXPECT_EQ(why({.attributes = tenant, .id = "/id", .elements = "/data/items", .keep = {"/data/size"}}), "");
}

}  // namespace
}  // namespace writ::gateway::answer_reader_test
