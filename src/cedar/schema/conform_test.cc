#include "cedar/conform.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace writ::cedar::conform_test {
namespace {

using ::testing::HasSubstr;

class Conform : public ::testing::Test {
 protected:
  Conform()
      : schema_(*schema_from_text(R"(
          type Place = { city: String, since?: datetime };
          entity User in Group = { name: String, boss?: User, ips: Set<ipaddr>, place?: Place, color?: Color }
            tags Long;
          entity Group;
          entity Color enum ["red"];
          action all;
          action read in all appliesTo { principal: User, resource: [Group, Color],
                                         context: { limit: decimal, wait?: duration, by?: User, tint?: Color } };
          action some in read;
        )")) {}

  // Of one user with these attributes beside what has to be there.
  std::string user(std::string_view attributes, std::string_view rest = R"("parents": [])") {
    return read(fmt::format(
        R"([{{"uid": {{"type": "User", "id": "u"}}, "attrs": {{"name": "n", "ips": []{}}}, {}}}])",
        attributes, rest));
  }
  std::string read(std::string_view text) {
    const auto entities = entities_from_json(text, *schema_);
    if (!entities) return entities.error().message;
    const Entity* entity = (*entities)->find(arena_.entity("User", "u"));
    return entity == nullptr ? "read" : Value::record(entity->attributes).to_string();
  }
  std::string context(std::string_view json, std::string_view action = "read") {
    const auto value =
        context_from_json(arena_, *codec::parse_json(json), *schema_, arena_.entity("Action", action));
    return value ? value->to_string() : value.error().message;
  }
  std::string request(EntityRef principal, std::string_view action, EntityRef resource, Value context) {
    const auto checked =
        check_request(*schema_, {principal, arena_.entity("Action", action), resource, context});
    return checked ? "valid" : checked.error().message;
  }

  SchemaPtr schema_;
  Arena arena_;
};

TEST_F(Conform, EscapesMayBeLeftOut) {
  EXPECT_THAT(user(R"(, "boss": {"type": "User", "id": "b"})"), HasSubstr(R"("boss": User::"b")"));
  EXPECT_THAT(user(R"(, "boss": {"__entity": {"type": "User", "id": "b"}})"),
              HasSubstr(R"("boss": User::"b")"));
  EXPECT_EQ(context(R"({"limit": "1.5"})"), R"({"limit": decimal("1.5000")})");
  EXPECT_EQ(context(R"({"limit": {"fn": "decimal", "arg": "1.5"}})"), R"({"limit": decimal("1.5000")})");
  EXPECT_EQ(context(R"({"limit": {"__extn": {"fn": "decimal", "arg": "1.5"}}})"),
            R"({"limit": decimal("1.5000")})");
  EXPECT_THAT(user(R"(, "place": {"city": "c", "since": {"fn": "offset", "args": ["2024-01-01", "1d"]}})"),
              HasSubstr(R"(2024-01-02)"))
      << "also within the arguments of a function";
}

TEST_F(Conform, TheEscapeForExpressionsIsRefusedEvenBesideOtherMembers) {
  EXPECT_THAT(context(R"({"limit": "1.5", "by": {"__expr": "x", "type": "User", "id": "u"}})"),
              HasSubstr("`__expr` escape"));
  EXPECT_THAT(context(R"({"limit": {"__expr": "x", "fn": "decimal", "arg": "1.5"}})"),
              HasSubstr("`__expr` escape"));
}

TEST_F(Conform, RefusesAttributesThatDoNotConform) {
  EXPECT_THAT(user(R"(, "age": 3)"), HasSubstr("attribute `age` of `User::\"u\"`: `User` does not declare"));
  EXPECT_THAT(user(R"(, "boss": {"type": "Group", "id": "g"})"),
              HasSubstr("expected a value of type `User`"));
  EXPECT_THAT(user(R"(, "boss": "b")"), HasSubstr("expected an entity reference"));
  EXPECT_THAT(user(R"(, "place": {"city": 3})"), HasSubstr("expected a value of type `{city: String"));
  EXPECT_THAT(user(R"(, "place": {})"), HasSubstr("the attribute `city` is missing"));
  EXPECT_THAT(user(R"(, "place": {"city": "c", "x": 1})"), HasSubstr("there is no attribute `x`"));
  EXPECT_THAT(user(R"(, "place": [])"), HasSubstr("expected an object, got array"));
  EXPECT_THAT(user(R"(, "color": {"type": "Color", "id": "blue"})"), HasSubstr("not one of the entities"));
  EXPECT_THAT(read(R"([{"uid": {"type": "User", "id": "u"}, "attrs": {"ips": []}, "parents": []}])"),
              HasSubstr("lacks the attribute `name`"));
  EXPECT_THAT(
      read(
          R"([{"uid": {"type": "User", "id": "u"}, "attrs": {"name": "", "ips": ["nope"]}, "parents": []}])"),
      HasSubstr("attribute `ips` of `User::\"u\"`: `ip` cannot be applied"));
}

TEST_F(Conform, RefusesUnknownTypesWrongParentsAndWrongTags) {
  EXPECT_THAT(read(R"([{"uid": {"type": "Nope", "id": "u"}, "attrs": {}, "parents": []}])"),
              HasSubstr("not declared"));
  EXPECT_THAT(read(R"([{"uid": {"type": "Color", "id": "blue"}, "attrs": {}, "parents": []}])"),
              HasSubstr("not one of the entities that `Color` enumerates"));
  EXPECT_THAT(user("", R"("parents": [{"type": "Group", "id": "g"}])"), HasSubstr(R"("name": "n")"));
  EXPECT_THAT(user("", R"("parents": [{"type": "User", "id": "g"}])"),
              HasSubstr("a `User` cannot be in a `User`"));
  EXPECT_THAT(user("", R"("parents": [], "tags": {"a": 1})"), HasSubstr(R"("name": "n")"));
  EXPECT_THAT(user("", R"("parents": [], "tags": {"a": "1"})"),
              HasSubstr("tag `a` of `User::\"u\"`: expected"));
  EXPECT_THAT(
      read(R"([{"uid": {"type": "Group", "id": "g"}, "attrs": {}, "parents": [], "tags": {"a": 1}}])"),
      HasSubstr("`Group` declares no tags"));
}

TEST_F(Conform, AddsTheActionsOfTheSchema) {
  const auto entities = entities_from_json("[]", *schema_);
  ASSERT_TRUE(entities.has_value());
  EXPECT_EQ((*entities)->size(), 3U);
  const Entity* some = (*entities)->find(arena_.entity("Action", "some"));
  ASSERT_NE(some, nullptr);
  EXPECT_TRUE(some->ancestors->contain(arena_.entity("Action", "all")));
}

TEST_F(Conform, GivenActionsMustBeThoseOfTheSchema) {
  const std::string all = R"({"uid": {"type": "Action", "id": "all"}, "attrs": {}, "parents": []})";
  const auto action = [](std::string_view id, std::string_view parents, std::string_view attributes = "{}") {
    return fmt::format(R"({{"uid": {{"type": "Action", "id": "{}"}}, "attrs": {}, "parents": [{}]}})", id,
                       attributes, parents);
  };
  const std::string in_all = R"({"type": "Action", "id": "all"})";
  const std::string in_read = R"({"type": "Action", "id": "read"})";
  EXPECT_EQ(read("[" + all + "]"), "read");
  EXPECT_EQ(read("[" + action("read", in_all) + "]"), "read");
  EXPECT_EQ(read("[" + action("some", in_read) + "," + action("read", in_all) + "]"), "read");
  EXPECT_THAT(read("[" + action("some", in_read) + "]"), HasSubstr("not in the groups"));
  EXPECT_THAT(read("[" + action("read", "") + "]"), HasSubstr("not in the groups"));
  EXPECT_THAT(read("[" + action("nope", "") + "]"), HasSubstr("is not declared"));
  EXPECT_THAT(read("[" + action("all", "", R"({"a": 1})") + "]"), HasSubstr("attributes"));
  EXPECT_THAT(read("[" + all + "," + action("all", in_read) + "]"), HasSubstr("given twice"));
}

TEST_F(Conform, ChecksTheContext) {
  EXPECT_THAT(context("{}"), HasSubstr("context: the attribute `limit` is missing"));
  EXPECT_THAT(context(R"({"limit": "1.5", "x": 1})"), HasSubstr("there is no attribute `x`"));
  EXPECT_THAT(context(R"({"limit": "x"})"), HasSubstr("`decimal` cannot be applied"));
  EXPECT_THAT(context("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(context("{}", "nope"), HasSubstr("`Action::\"nope\"` is not declared"));
  EXPECT_EQ(context("{}", "all"), "{}");
}

TEST_F(Conform, ChecksTheRequest) {
  const EntityRef user = arena_.entity("User", "u");
  const EntityRef group = arena_.entity("Group", "g");
  const Value context = make_record(arena_, {{"limit", Value::decimal({15000})}});
  const Value none = Value::record(empty_record());
  EXPECT_EQ(request(user, "read", group, context), "valid");
  EXPECT_EQ(request(user, "read", arena_.entity("Color", "red"), context), "valid");
  EXPECT_THAT(request(user, "read", arena_.entity("Color", "blue"), context), HasSubstr("enumerates"));
  EXPECT_THAT(request(group, "read", group, context),
              HasSubstr("does not apply to principals of type `Group`"));
  EXPECT_THAT(request(user, "read", user, context), HasSubstr("does not apply to resources of type `User`"));
  EXPECT_THAT(request(user, "all", group, none), HasSubstr("does not apply"));
  EXPECT_THAT(request(user, "nope", group, none), HasSubstr("is not declared"));
  EXPECT_THAT(request(arena_.entity("X", "x"), "read", group, context), HasSubstr("type of the principal"));
  EXPECT_THAT(request(user, "read", arena_.entity("X", "x"), context), HasSubstr("type of the resource"));
  EXPECT_THAT(request(user, "read", group, none), HasSubstr("context: expected a value of type"));
  const Value tinted = make_record(
      arena_, {{"limit", Value::decimal({1})}, {"tint", Value::entity(arena_.entity("Color", "blue"))}});
  EXPECT_THAT(request(user, "read", group, tinted), HasSubstr("enumerates"));
}

}  // namespace
}  // namespace writ::cedar::conform_test
