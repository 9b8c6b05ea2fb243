#include "cedar/schema.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/schema_syntax.h"

namespace writ::cedar::schema_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SchemaPtr schema(std::string_view text) {
  auto parsed = schema_from_text(text);
  if (!parsed) {
    ADD_FAILURE() << render_issue("schema", text, parsed.error().front());
    return nullptr;
  }
  return *parsed;
}

std::string issues_of(const Parsed<SchemaPtr>& parsed) {
  std::string all;
  if (parsed) return "accepted";
  for (const Issue& issue : parsed.error())
    all += fmt::format("{}:{}: {}\n", issue.line, issue.column, issue.message);
  return all;
}
std::string text_issues(std::string_view text) {
  return issues_of(schema_from_text(text));
}
std::string json_issues(std::string_view text) {
  return issues_of(schema_from_json(text));
}

std::string type_of(const SchemaPtr& schema, std::string_view entity, std::string_view attribute) {
  const SchemaEntityType* type = schema->find_entity_type(entity);
  if (type == nullptr) return "no such entity type";
  const auto found = type->attributes.find(attribute);
  if (found == type->attributes.end()) return "no such attribute";
  return found->second.type.to_string() + (found->second.required ? "" : "?");
}

TEST(SchemaText, ReadsEverythingThatTheSyntaxHas) {
  const auto read = schema(R"(
    // A comment.
    type Address = { street: String, zip?: Long };
    @doc("people") entity User, Robot in [Group] = { name: String, "home address"?: Address } tags Set<String>;
    entity Group;
    entity Color enum ["red", "green"];
    namespace Mail {
      entity Letter { from: User, tint: Color, at: datetime };
      action read, "send it" in [all] appliesTo { principal: [User, Robot], resource: Letter,
                                                  context: { ip: ipaddr, } };
      action all;
    }
  )");
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(type_of(read, "User", "name"), "String");
  EXPECT_EQ(type_of(read, "Robot", "home address"), "{street: String, zip?: Long}?");
  EXPECT_EQ(read->find_entity_type("User")->tags->to_string(), "Set<String>");
  EXPECT_FALSE(read->find_entity_type("Group")->tags.has_value());
  EXPECT_TRUE(read->find_entity_type("User")->has_ancestor("Group"));
  EXPECT_TRUE(read->find_entity_type("Color")->has_choice("red"));
  EXPECT_EQ(type_of(read, "Mail::Letter", "from"), "User");
  EXPECT_EQ(type_of(read, "Mail::Letter", "at"), "datetime");
  const SchemaAction* send = read->find_action("Mail::Action", "send it");
  ASSERT_NE(send, nullptr);
  EXPECT_THAT(send->principals, ElementsAre("Robot", "User"));
  EXPECT_THAT(send->resources, ElementsAre("Mail::Letter"));
  EXPECT_EQ(send->context.to_string(), "{ip: ipaddr}");
  EXPECT_TRUE(send->has_ancestor("Mail::Action", "all"));
}

TEST(SchemaText, KeywordsMayBeNames) {
  const auto read =
      schema("entity entity, action, type, enum, tags, Set, String { in1: Set<Set>, action: String };");
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(type_of(read, "tags", "in1"), "Set<Set>");
  EXPECT_EQ(type_of(read, "tags", "action"), "String") << "the entity type, which hides the built-in one";
}

TEST(SchemaText, TellsThePlaceOfEveryMistake) {
  EXPECT_EQ(text_issues("entity User\nentity Group;"),
            "2:1: unexpected `entity`, expected `;` after the entity type\n");
  EXPECT_EQ(text_issues("entity A { x: Nope };\nentity B { y: Never };"),
            "1:15: the type `Nope` is not declared\n2:15: the type `Never` is not declared\n");
  EXPECT_THAT(text_issues("entity if;"), HasSubstr("1:8: `if` is a reserved word"));
  EXPECT_THAT(text_issues("entity A; oops; entity A;"),
              HasSubstr("1:24: the entity type `A` is declared twice"));
  EXPECT_THAT(text_issues("action a appliesTo { principal: [A], context: {} };"),
              HasSubstr("has no `resource`"));
  EXPECT_THAT(text_issues("action a appliesTo { principal: [], resource: [A] };"),
              HasSubstr("no entity type"));
  EXPECT_THAT(text_issues("entity A { x?: Set<Long };"), HasSubstr("expected `>`"));
  EXPECT_THAT(text_issues("entity A enum [];"), HasSubstr("expected a string"));
  EXPECT_THAT(text_issues("@a @a entity A;"), HasSubstr("`@a` is given twice"));
  EXPECT_THAT(text_issues("entity \"A\";"), HasSubstr("the entity type's name"));
  EXPECT_THAT(text_issues("type Bool = Long;"), HasSubstr("`Bool` is reserved"));
  EXPECT_THAT(text_issues("namespace __cedar {}"), HasSubstr("reserved"));
  EXPECT_THAT(text_issues("\xff"), HasSubstr("UTF-8"));
}

TEST(SchemaText, OfTwoAttributesWithOneNameTheLatterCounts) {
  EXPECT_EQ(type_of(schema("entity A { x: Long, x?: String };"), "A", "x"), "String?");
}

TEST(SchemaText, StopsAfterAHundredIssues) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "entity ;";
  const auto parsed = parse_schema_text(text);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_LE(parsed.error().size(), kMaxIssues);
}

TEST(Schema, ANameMeansTheNamespaceFirstThenTheEmptyOne) {
  const auto read = schema(R"(
    entity Outer;
    namespace N { entity Inner; entity A { o: Outer, i: Inner, q: N::Inner }; }
  )");
  EXPECT_EQ(type_of(read, "N::A", "o"), "Outer");
  EXPECT_EQ(type_of(read, "N::A", "i"), "N::Inner");
  EXPECT_EQ(type_of(read, "N::A", "q"), "N::Inner");
  EXPECT_THAT(text_issues("namespace N { entity A; } entity B { a: A };"), HasSubstr("`A` is not declared"));
}

TEST(Schema, ACommonTypeGoesBeforeAnEntityType) {
  const auto read = schema("namespace N { entity T; type T = Long; entity A in T { t: T }; }");
  EXPECT_EQ(type_of(read, "N::A", "t"), "Long");
  EXPECT_TRUE(read->find_entity_type("N::A")->has_ancestor("N::T"));
}

TEST(Schema, BuiltInTypesMayBeHiddenAndAreStillInCedar) {
  const auto read =
      schema("namespace N { entity ipaddr; entity A { a: ipaddr, b: __cedar::ipaddr, c: __cedar::Long }; }");
  EXPECT_EQ(type_of(read, "N::A", "a"), "N::ipaddr");
  EXPECT_EQ(type_of(read, "N::A", "b"), "ipaddr");
  EXPECT_EQ(type_of(read, "N::A", "c"), "Long");
  EXPECT_THAT(text_issues("entity A { x: __cedar::Nope };"), HasSubstr("not declared"));
}

// RFC 70.
TEST(Schema, NothingShadowsTheEmptyNamespace) {
  EXPECT_THAT(text_issues("entity T; namespace N { entity T; }"), HasSubstr("shadowed by `N::T`"));
  EXPECT_THAT(text_issues("type T = Long; namespace N { entity T; }"), HasSubstr("shadowed by `N::T`"));
  EXPECT_THAT(text_issues("action a; namespace N { action a; }"), HasSubstr("shadowed in `N::Action`"));
  EXPECT_EQ(text_issues("namespace M { entity T; action a; } namespace N { entity T; action a; }"),
            "accepted");
}

TEST(Schema, RefusesCommonTypesDefinedByThemselves) {
  EXPECT_THAT(text_issues("type A = { b?: B }; type B = Set<A>;"), HasSubstr("defined by itself"));
  EXPECT_THAT(text_issues("type A = A;"), HasSubstr("defined by itself"));
}

TEST(Schema, ClosesTheHierarchyOfEntityTypesAlsoWhenItIsCircular) {
  const auto read = schema("entity A in B; entity B in C; entity C in [C]; entity D;");
  EXPECT_TRUE(read->find_entity_type("A")->has_ancestor("C"));
  EXPECT_FALSE(read->find_entity_type("A")->has_ancestor("A"));
  EXPECT_TRUE(read->find_entity_type("C")->has_ancestor("C"));
  EXPECT_EQ(read->find_entity_type("C")->descendants.size(), 3U);
}

TEST(Schema, ActionGroupsMayStandInOtherNamespacesAndAreNotCircular) {
  const auto read =
      schema("namespace M { action all; } namespace N { action a in [M::Action::\"all\", b]; action b; }");
  EXPECT_TRUE(read->find_action("N::Action", "a")->has_ancestor("M::Action", "all"));
  EXPECT_TRUE(read->find_action("N::Action", "a")->has_ancestor("N::Action", "b"));
  EXPECT_THAT(text_issues("action a in b; action b in a;"), HasSubstr("member of itself"));
  EXPECT_THAT(text_issues("action a in b;"), HasSubstr("`Action::\"b\"` is not declared"));
}

TEST(Schema, ActionsAreATypeButNotOneThatCanBeDeclaredOrActedOn) {
  EXPECT_EQ(type_of(schema("action a; entity E { last: Action };"), "E", "last"), "Action");
  EXPECT_THAT(text_issues("entity E { last: Action };"), HasSubstr("`Action` is not declared"));
  EXPECT_THAT(text_issues("entity Action;"), HasSubstr("cannot be declared"));
  EXPECT_THAT(text_issues("action a appliesTo { principal: Action, resource: Action };"),
              HasSubstr("cannot stand here"));
  EXPECT_THAT(text_issues("action a; entity E in Action;"), HasSubstr("cannot stand here"));
}

TEST(Schema, ShapesAndContextsAreRecords) {
  EXPECT_THAT(
      text_issues("type T = Long; entity E; action a appliesTo { principal: E, resource: E, context: T };"),
      HasSubstr("expected a record, got the type `Long`"));
  EXPECT_THAT(text_issues("entity T; action a appliesTo { principal: T, resource: T, context: T };"),
              HasSubstr("the common type `T` is not declared"));
}

TEST(Schema, FragmentsMakeOneSchema) {
  std::vector<SchemaFragment> fragments{*parse_schema_text("namespace N { entity A { b: B }; }"),
                                        *parse_schema_text("namespace N { entity B; }")};
  const auto both = resolve_schema(fragments);
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(type_of(*both, "N::A", "b"), "N::B");
  fragments.push_back(fragments[1]);
  EXPECT_THAT(issues_of(resolve_schema(fragments)), HasSubstr("`N::B` is declared twice"));
}

TEST(SchemaJson, ReadsEverythingThatTheFormatHas) {
  const auto read = schema_from_json(R"({
    "": {
      "commonTypes": {"Address": {"type": "Record", "attributes": {"zip": {"type": "Long", "required": false}},
                                  "annotations": {"doc": "home"}}},
      "entityTypes": {
        "User": {"memberOfTypes": ["Group"], "tags": {"type": "String"}, "shape": {"type": "Record", "attributes": {
          "home": {"type": "Address"}, "boss": {"type": "Entity", "name": "User", "annotations": {"x": null}},
          "any": {"type": "EntityOrCommon", "name": "Address"}, "ip": {"type": "Extension", "name": "ipaddr"},
          "ok": {"type": "Boolean"}, "names": {"type": "Set", "element": {"type": "String"}}}}},
        "Group": {}, "Color": {"enum": ["red"]}},
      "actions": {
        "all": {},
        "read": {"appliesTo": {"principalTypes": ["User"], "resourceTypes": ["N::Doc"], "context": {"type": "Address"}},
                 "memberOf": [{"id": "all"}, {"id": "x", "type": "N::Action"}], "attributes": null}}
    },
    "N": {"entityTypes": {"Doc": {}}, "actions": {"x": {"appliesTo": null, "memberOf": null}}, "annotations": {"a": ""}}
  })");
  ASSERT_TRUE(read.has_value()) << issues_of(read);
  EXPECT_EQ(type_of(*read, "User", "home"), "{zip?: Long}");
  EXPECT_EQ(type_of(*read, "User", "any"), "{zip?: Long}");
  EXPECT_EQ(type_of(*read, "User", "boss"), "User");
  EXPECT_EQ(type_of(*read, "User", "ok"), "Bool");
  EXPECT_EQ(type_of(*read, "User", "names"), "Set<String>");
  EXPECT_EQ((*read)->find_action("Action", "read")->context.to_string(), "{zip?: Long}");
  EXPECT_TRUE((*read)->find_action("Action", "read")->has_ancestor("N::Action", "x"));
  EXPECT_TRUE((*read)->find_action("N::Action", "x")->principals.empty());
}

TEST(SchemaJson, RefusesWhatTheFormatDoesNotKnowAndNamesThePlace) {
  const auto with_type = [](std::string_view type) {
    return json_issues(
        fmt::format(R"({{"N": {{"entityTypes": {{"E": {{"shape": {{"type": "Record", "attributes": {{
        "a": {}}}}}}}}}, "actions": {{}}}}}})",
                    type));
  };
  EXPECT_EQ(with_type(R"({"type": "Long"})"), "accepted");
  EXPECT_EQ(with_type(R"({"type": "Long", "name": "x"})"),
            "0:0: namespace `N`, entity type `E`, `shape`, attribute `a`: unexpected member `name` in the "
            "type `Long`\n");
  EXPECT_THAT(with_type(R"({"type": "Set"})"), HasSubstr("the member `element` is missing"));
  EXPECT_THAT(with_type(R"({"type": "Record"})"), HasSubstr("the member `attributes` is missing"));
  EXPECT_THAT(with_type(R"({"type": "Record", "attributes": {}, "additionalAttributes": true})"),
              HasSubstr("not supported"));
  EXPECT_THAT(with_type(R"({"type": "Entity", "name": "a b"})"), HasSubstr("not the name of a type"));
  EXPECT_THAT(with_type(R"({"type": "Extension", "name": "money"})"), HasSubstr("`money` does not exist"));
  EXPECT_THAT(with_type(R"({"type": "Long", "required": 1})"), HasSubstr("true or false"));
  EXPECT_THAT(with_type(R"({"type": 3})"), HasSubstr("must be a string"));
  EXPECT_THAT(with_type("[]"), HasSubstr("expected an object, got array"));
  EXPECT_THAT(json_issues(R"({"N": {"entityTypes": {}}})"), HasSubstr("`actions` is missing"));
  EXPECT_THAT(json_issues(R"({"N": {"entityTypes": {}, "actions": {}, "x": 1}})"),
              HasSubstr("unknown member `x`"));
  EXPECT_THAT(json_issues(R"({"a b": {"entityTypes": {}, "actions": {}}})"), HasSubstr("namespace"));
  EXPECT_THAT(json_issues(R"({"": {"entityTypes": {}, "actions": {}, "annotations": {"a": ""}}})"),
              HasSubstr("not allowed"));
  EXPECT_THAT(
      json_issues(
          R"({"": {"entityTypes": {"E": {"enum": ["a"], "shape": {"type": "Long"}}}, "actions": {}}})"),
      HasSubstr("unknown member `shape`"));
  EXPECT_THAT(json_issues(R"({"": {"entityTypes": {"E": {"enum": []}}, "actions": {}}})"),
              HasSubstr("at least one"));
  EXPECT_THAT(json_issues(R"({"": {"entityTypes": {}, "actions": {"a": {"attributes": {}}}}})"),
              HasSubstr("no attributes"));
  EXPECT_THAT(
      json_issues(R"({"": {"commonTypes": {"Set": {"type": "Long"}}, "entityTypes": {}, "actions": {}}})"),
      HasSubstr("reserved"));
  EXPECT_THAT(json_issues("{"), HasSubstr("0:0:"));
}

constexpr std::string_view kEverything = R"(
  type Address = { @old street: String, "zip code"?: Long };
  @doc("people\n") entity User in [N::Group] = { home: Address, friends: Set<User>, seen?: datetime } tags Set<String>;
  @doc @x("") namespace N {
    entity Group; entity Color enum ["red", "d\"b"];
    action "see it", all;
    action read in [all, N::Action::"see it"] appliesTo { principal: [User], resource: [Group, Color], context: Address };
    action write appliesTo { principal: [User], resource: [Group], context: { deep: { a: { b: __cedar::Bool } } } };
  }
)";

TEST(SchemaPrint, TextToTextIsTheSame) {
  const auto fragment = parse_schema_text(kEverything);
  ASSERT_TRUE(fragment.has_value()) << fragment.error().front().message;
  const auto text = schema_to_text(*fragment);
  ASSERT_TRUE(text.has_value());
  const auto again = parse_schema_text(*text);
  ASSERT_TRUE(again.has_value()) << *text;
  EXPECT_EQ(schema_to_json(*fragment).pretty(), schema_to_json(*again).pretty());
  EXPECT_EQ(*text, *schema_to_text(*again));
}

TEST(SchemaPrint, TextToJsonAndBackIsTheSame) {
  const auto fragment = parse_schema_text(kEverything);
  const auto json = schema_to_json(*fragment);
  const auto again = schema_fragment_from_json(json);
  ASSERT_TRUE(again.has_value()) << again.error().front().message << json.pretty();
  ASSERT_EQ(again->namespaces.size(), fragment->namespaces.size());
  EXPECT_EQ(*again, *fragment);
  EXPECT_EQ(*schema_to_text(*again), *schema_to_text(*fragment));
}

TEST(SchemaPrint, ABuiltInTypeStaysOneWhereAnEntityTypeHasItsName) {
  const auto fragment =
      parse_schema_json(std::string_view(R"({"N": {"actions": {}, "entityTypes": {"ipaddr": {}, "E": {
      "shape": {"type": "Record", "attributes": {"a": {"type": "ipaddr"}, "b": {"type": "Entity", "name": "ipaddr"}}}}}}})"));
  ASSERT_TRUE(fragment.has_value());
  const auto read = schema(*schema_to_text(*fragment));
  EXPECT_EQ(type_of(read, "N::E", "a"), "ipaddr");
  EXPECT_EQ(type_of(read, "N::E", "b"), "N::ipaddr");
}

TEST(SchemaPrint, WhatStandsInNoNamespaceComesFirst) {
  const auto fragment = parse_schema_json(std::string_view(R"({"N": {"entityTypes": {}, "actions": {}},
      "": {"entityTypes": {"E": {}}, "actions": {}}, "M": {"entityTypes": {}, "actions": {}}})"));
  ASSERT_TRUE(fragment.has_value());
  const auto text = *schema_to_text(*fragment);
  EXPECT_EQ(text, "entity E;\n\nnamespace N {\n}\n\nnamespace M {\n}\n");
  EXPECT_EQ(*schema_to_text(*parse_schema_text(text)), text);
  const auto nothing = parse_schema_json(std::string_view(R"({"N": {"entityTypes": {}, "actions": {}},
      "": {"entityTypes": {}, "actions": {}}})"));
  EXPECT_EQ(*schema_to_text(*nothing), "namespace N {\n}\n");
}

TEST(SchemaPrint, SaysWhatTheCedarSyntaxCannot) {
  const auto printed = [](std::string_view types) {
    const auto fragment = parse_schema_json(fmt::format(R"({{"N": {{{}, "actions": {{}}}}}})", types));
    EXPECT_TRUE(fragment.has_value());
    const auto text = schema_to_text(*fragment);
    return text ? *text : text.error().message;
  };
  EXPECT_THAT(printed(R"("commonTypes": {"T": {"type": "Record", "attributes": {}}},
                         "entityTypes": {"E": {"shape": {"type": "T"}}})"),
              HasSubstr("the shape of `E` is the name of a type"));
  EXPECT_THAT(printed(R"("commonTypes": {"E": {"type": "Set", "element": {"type": "Entity", "name": "E"}}},
                         "entityTypes": {"E": {}})"),
              HasSubstr("hidden by the common type"));
}

}  // namespace
}  // namespace writ::cedar::schema_test
