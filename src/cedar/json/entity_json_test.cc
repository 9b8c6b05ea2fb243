#include "cedar/entity_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace writ::cedar::entity_json_test {
namespace {

using ::testing::HasSubstr;

class EntityJson : public ::testing::Test {
 protected:
  Result<Value> read(std::string_view text) {
    const auto json = codec::parse_json(text);
    EXPECT_TRUE(json.has_value()) << text;
    return value_from_json(arena_, *json);
  }
  std::string shown(std::string_view text) {
    const auto value = read(text);
    return value ? value->to_string() : "error: " + value.error().message;
  }
  static std::string error_of(std::string_view text) {
    const auto entities = entities_from_json(text);
    return entities ? "" : entities.error().message;
  }

  Arena arena_;
};

TEST_F(EntityJson, ReadsPlainValues) {
  EXPECT_EQ(shown("true"), "true");
  EXPECT_EQ(shown("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(shown(R"("a\"b")"), R"("a\"b")");
  EXPECT_EQ(shown("[2, 1, 2]"), "[1, 2]");
  EXPECT_EQ(shown(R"({"a": {"b": []}})"), R"({"a": {"b": []}})");
}

TEST_F(EntityJson, WritesTheSameAsTextAndAsATree) {
  for (const auto* text :
       {"true", "false", "-9223372036854775808", R"("a\"\\b\u0001\u00e9\u007f")", "[]", "[2, 1]", "{}",
        R"({"a": {"b": [true, {"c": ""}]}, "d\"": "x"})",
        R"({"__entity": {"type": "N::User", "id": "no\"ra"}})",
        R"([{"__extn": {"fn": "ip", "arg": "10.0.0.1"}}, {"__extn": {"fn": "decimal", "arg": "1.5"}}])"}) {
    const auto value = read(text).value();
    std::string out = "before ";
    append_json(out, value);
    EXPECT_EQ(out, "before " + value_to_json(value).dump());
  }
}

TEST_F(EntityJson, ReadsEscapes) {
  EXPECT_EQ(shown(R"({"__entity": {"type": "N::User", "id": "nora"}})"), R"(N::User::"nora")");
  EXPECT_EQ(shown(R"({"__extn": {"fn": "ip", "arg": "::1"}})"), R"(ip("::1/128"))");
  EXPECT_EQ(shown(R"({"__extn": {"fn": "decimal", "arg": "1.5"}})"), R"(decimal("1.5000"))");
  EXPECT_EQ(shown(R"({"__extn": {"fn": "offset", "args": [
                       {"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
                       {"__extn": {"fn": "duration", "arg": "1s"}}]}})"),
            R"(datetime("1970-01-01T00:00:01.000Z"))");
}

TEST_F(EntityJson, WhatOnlyResemblesAnEscapeIsARecord) {
  EXPECT_EQ(shown(R"({"__entity": {"type": "User"}})"), R"({"__entity": {"type": "User"}})");
  EXPECT_EQ(shown(R"({"__entity": {"type": "User", "id": 7}})"),
            R"({"__entity": {"id": 7, "type": "User"}})");
  EXPECT_EQ(shown(R"({"__entity": {"type": "User", "id": "a"}, "more": 1})"),
            R"({"__entity": {"id": "a", "type": "User"}, "more": 1})");
  EXPECT_EQ(shown(R"({"__extn": {"fn": "ip"}})"), R"({"__extn": {"fn": "ip"}})");
}

TEST_F(EntityJson, RefusesWhatIsNoValue) {
  EXPECT_THAT(shown("null"), HasSubstr("null"));
  EXPECT_THAT(shown("1.5"), HasSubstr("integer"));
  // Also where nothing reads it, as the reference has it.
  EXPECT_EQ(shown(R"({"__entity": {"type": "A", "id": "a", "more": [1]}})"), R"(A::"a")");
  EXPECT_THAT(shown(R"({"__entity": {"type": "A", "id": "a", "more": [1.5]}})"), HasSubstr("integer"));
  EXPECT_THAT(shown(R"({"__extn": {"fn": "ip", "arg": "1.2.3.4", "more": {"a": 1.5}}})"),
              HasSubstr("integer"));
  EXPECT_THAT(shown(R"({"a": [null]})"), HasSubstr("`a`: null"));
  EXPECT_THAT(shown(R"x({"__expr": "ip(\"::1\")"})x"), HasSubstr("__expr"));
  EXPECT_THAT(shown(R"({"__extn": {"fn": "ip", "arg": "here"}})"), HasSubstr("cannot be applied"));
  EXPECT_THAT(shown(R"({"__extn": {"fn": "nap", "arg": "here"}})"), HasSubstr("does not exist"));
  EXPECT_THAT(shown(R"({"__extn": {"fn": "ip", "args": []}})"), HasSubstr("0 arguments"));
  EXPECT_THAT(shown(R"({"__entity": {"type": "not a type", "id": "a"}})"), HasSubstr("`not a type`"));
}

TEST_F(EntityJson, KnowsEntityTypes) {
  for (const std::string_view type : {"User", "_", "A::B::C", "a1_", "permit", "principal"}) {
    EXPECT_TRUE(valid_entity_type(type)) << type;
  }
  for (const std::string_view type : {"", "1a", "A::", "::A", "A:B", "A::::B", "A b", "A ::B", "if",
                                      "A::true", "__cedar", "__cedar::Long", "Ä"}) {
    EXPECT_FALSE(valid_entity_type(type)) << type;
  }
}

TEST_F(EntityJson, AContextIsARecord) {
  EXPECT_TRUE(record_from_json(arena_, codec::Json::object()));
  EXPECT_FALSE(record_from_json(arena_, codec::Json::array()));
  EXPECT_FALSE(record_from_json(arena_, *codec::parse_json(R"({"__entity": {"type": "A", "id": "b"}})")));
}

TEST_F(EntityJson, ReadsEntities) {
  const auto entities = *entities_from_json(R"([
    {"uid": {"type": "User", "id": "nora"}, "attrs": {"age": 7}, "parents": [{"type": "Group", "id": "g"}],
     "tags": {"colour": "red"}},
    {"uid": {"__entity": {"type": "Group", "id": "g"}}, "attrs": {},
     "parents": [{"__entity": {"type": "Group", "id": "all"}}], "ignored": null}])");
  const Entity* nora = entities->find(arena_.entity("User", "nora"));
  ASSERT_NE(nora, nullptr);
  EXPECT_EQ(*nora->attributes->find("age"), Value::integer(7));
  EXPECT_EQ(*nora->tags->find("colour"), make_string(arena_, "red"));
  EXPECT_TRUE(nora->ancestors->contain(arena_.entity("Group", "all")));
}

TEST_F(EntityJson, NamesTheEntityAndTheAttributeAtFault) {
  EXPECT_THAT(error_of(R"([{"uid": {"type": "User", "id": "nora"}, "attrs": {"age": null}, "parents": []}])"),
              HasSubstr("entity 0: attribute `age` of `User::\"nora\"`: null"));
  EXPECT_THAT(
      error_of(
          R"([{"uid": {"type": "User", "id": "nora"}, "attrs": {}, "parents": [], "tags": {"t": 1.5}}])"),
      HasSubstr("tag `t`"));
}

TEST_F(EntityJson, RefusesMalformedEntities) {
  EXPECT_THAT(error_of("{}"), HasSubstr("array"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("uid"));
  EXPECT_THAT(error_of(R"([{"attrs": {}, "parents": []}])"), HasSubstr("uid"));
  EXPECT_THAT(error_of(R"([{"uid": "User::\"a\"", "attrs": {}, "parents": []}])"),
              HasSubstr("entity reference"));
  EXPECT_THAT(error_of(R"([{"uid": {"type": "U", "id": "a"}, "parents": []}])"), HasSubstr("attrs"));
  EXPECT_THAT(error_of(R"([{"uid": {"type": "U", "id": "a"}, "attrs": {}}])"), HasSubstr("parents"));
  EXPECT_THAT(error_of(R"([{"uid": {"type": "U", "id": "a"}, "attrs": {}, "parents": [7]}])"),
              HasSubstr("parents"));
  EXPECT_THAT(error_of(R"([{"uid": {"type": "U", "id": "a"}, "attrs": {"x": 1, "x": 2}, "parents": []}])"),
              HasSubstr("x"));
}

TEST_F(EntityJson, WhereAnEntityIsExpectedOtherMembersDoNotMatter) {
  const auto uid = [&](std::string_view text) {
    const auto read = entity_from_json(arena_, *codec::parse_json(text));
    return read ? read->to_string() : read.error().message;
  };
  EXPECT_EQ(uid(R"({"type": "User", "id": "a", "more": 1})"), R"(User::"a")");
  EXPECT_EQ(uid(R"({"__entity": {"type": "User", "id": "a"}, "type": "Doc", "id": "b"})"), R"(User::"a")");
  EXPECT_EQ(uid(R"({"__entity": {"type": "User"}, "type": "Doc", "id": "b"})"), R"(Doc::"b")");
  EXPECT_THAT(uid(R"({"__entity": {"type": "User"}})"), HasSubstr("entity reference"));
  EXPECT_THAT(uid(R"({"__expr": "x", "type": "User", "id": "a"})"), HasSubstr("`__expr` escape"));
  EXPECT_EQ(uid(R"({"__expr": 1, "type": "User", "id": "a"})"), R"(User::"a")");
}

TEST_F(EntityJson, AnActionHasOnlyActionsAbove) {
  EXPECT_EQ(error_of(R"([{"uid": {"type": "N::Action", "id": "a"}, "attrs": {},
                          "parents": [{"type": "Action", "id": "b"}]}])"),
            "");
  EXPECT_THAT(error_of(R"([{"uid": {"type": "Action", "id": "a"}, "attrs": {},
                            "parents": [{"type": "Group", "id": "b"}]}])"),
              HasSubstr("not an action"));
}

TEST_F(EntityJson, ATextIsReadWithinItsLimits) {
  const auto nested = [](std::size_t depth) {
    return R"([{"uid": {"type": "A", "id": "a"}, "parents": [], "attrs": {"a": )" + std::string(depth, '[') +
           std::string(depth, ']') + "}}]";
  };
  const codec::JsonLimits limits;
  EXPECT_EQ(error_of(nested(limits.max_depth - 3)), "");
  EXPECT_THAT(error_of(nested(limits.max_depth - 2)), HasSubstr("64"));
  EXPECT_THAT(error_of(nested(100'000)), HasSubstr("64"));
  EXPECT_EQ(error_of("[]" + std::string(limits.max_bytes - 2, ' ')), "");
  EXPECT_THAT(error_of("[]" + std::string(limits.max_bytes - 1, ' ')), HasSubstr("1048576"));
}

}  // namespace
}  // namespace writ::cedar::entity_json_test
