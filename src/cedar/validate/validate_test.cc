#include "cedar/validate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/parse.h"

namespace writ::cedar::validate_test {
namespace {

using ::testing::HasSubstr;

class Validate : public ::testing::Test {
 protected:
  Validate()
      : schema_(*schema_from_text(R"(
          type Place = { city: String, street?: String };
          entity User in [Group, Team] = { name: String, age?: Long, home?: Place, friend: User, roles: Set<String>,
                                           since: datetime, ip: ipaddr, money: decimal } tags String;
          entity Group = { name: String };
          entity Team in Group;
          entity Doc in Folder = { owner: User, title: String, size?: Long };
          entity Folder;
          entity Level enum ["low", "high"];
          action any, edits;
          action view in any appliesTo { principal: User, resource: [Doc, Folder], context: { ip: ipaddr, tags?: Set<String> } };
          action edit in edits appliesTo { principal: [User, Group], resource: Doc, context: { level: Level } };
        )")) {}

  static std::string shown(const std::vector<Finding>& findings) {
    std::string all;
    for (const Finding& finding : findings)
      all += fmt::format("{}:{}: {}\n", finding.issue.line, finding.issue.column, finding.issue.message);
    return all;
  }
  Validation run(const std::string& text, const ValidationOptions& options = {}) {
    const auto policies = parse_policies(text);
    EXPECT_TRUE(policies.has_value()) << text;
    return validate(*schema_, *policies, options, text);
  }
  std::string errors(const std::string& text, const ValidationOptions& options = {}) {
    const Validation result = run(text, options);
    return result.passed() ? "passed" : shown(result.errors);
  }
  // Of a condition on a user who views a document or a folder.
  std::string strict(const std::string& condition) { return errors(on_view(condition)); }
  std::string permissive(const std::string& condition) {
    return errors(on_view(condition), {ValidationMode::kPermissive, {}});
  }
  static std::string on_view(const std::string& condition) {
    return "permit(principal, action == Action::\"view\", resource) when { " + condition + " };";
  }
  std::string level(std::uint32_t max, const std::string& condition) {
    return errors(on_view(condition), {ValidationMode::kStrict, max});
  }

  SchemaPtr schema_;
};

TEST_F(Validate, PassesWhatCannotGoWrong) {
  EXPECT_EQ(
      strict(R"(principal.name == "a" && principal in Group::"g" && context.ip.isInRange(ip("10.0.0.0/8")))"),
      "passed");
  EXPECT_EQ(strict(R"(resource is Doc && resource.owner == principal)"), "passed");
  EXPECT_EQ(strict(R"(resource is Doc in Folder::"f" && resource has size && resource.size > 3)"), "passed");
  EXPECT_EQ(strict(R"(principal.since < datetime("2024-01-01") && principal.money.lessThan(decimal("1.0")))"),
            "passed");
  EXPECT_EQ(strict(R"(if principal has age then principal.age > 3 else true)"), "passed");
  EXPECT_EQ(strict(R"(principal.hasTag("a") && principal.getTag("a") like "b*")"), "passed");
  EXPECT_EQ(strict(R"(!(context has tags) || context.tags.contains("x"))"),
            "1:85: the attribute `tags` of `context` of `view` is optional, and may be absent here\n");
  EXPECT_EQ(strict(R"(context has tags && context.tags.containsAny(["x", "y"]) && !context.tags.isEmpty())"),
            "passed");
  EXPECT_EQ(strict(R"(principal has home.street && principal.home.street == "x")"), "passed");
  EXPECT_EQ(strict(R"({a: 1, b: "x"} == {b: principal.name, a: 2})"), "passed");
}

TEST_F(Validate, NamesWhatTheSchemaDoesNotDeclare) {
  EXPECT_THAT(errors("permit(principal is Usr, action, resource);"),
              HasSubstr("1:8: the entity type `Usr` is not declared in the schema"));
  EXPECT_THAT(errors("permit(principal, action == Action::\"vieww\", resource);"),
              HasSubstr("the action `Action::\"vieww\"` is not declared in the schema"));
  EXPECT_THAT(strict(R"(principal in Grup::"g")"), HasSubstr("the entity type `Grup` is not declared"));
  EXPECT_THAT(strict(R"(principal == Level::"mid" )"),
              HasSubstr("not one of the entities that `Level` enumerates"));
  const Validation result = run("permit(principal is Usr, action, resource);");
  EXPECT_EQ(result.errors.front().issue.help, "did you mean `User`?");
  EXPECT_EQ(result.errors.front().policy_id, "policy0");
  EXPECT_EQ(result.errors.front().kind, FindingKind::kUnknownEntityType);
}

TEST_F(Validate, AScopeThatNoActionAppliesToIsAnError) {
  EXPECT_THAT(errors("permit(principal is Group, action == Action::\"view\", resource);"),
              HasSubstr("no action of this scope"));
  EXPECT_THAT(errors("permit(principal is Doc, action, resource);"), HasSubstr("no action of this scope"));
  EXPECT_EQ(errors("permit(principal is Group, action in Action::\"edits\", resource);"), "passed");
  const Validation result = run("permit(principal == Team::\"t\", action, resource);");
  ASSERT_FALSE(result.passed());
  EXPECT_EQ(result.errors.front().issue.help, "use `in` instead of `==` for the principal");
}

TEST_F(Validate, WarnsOfPoliciesThatAreFalseForEveryRequest) {
  const auto warnings = [&](const std::string& condition) { return shown(run(on_view(condition)).warnings); };
  EXPECT_EQ(warnings("1 == 2"), "1:1: this policy is false for every valid request\n");
  EXPECT_EQ(warnings(R"(principal in Folder::"f")"), "1:1: this policy is false for every valid request\n");
  EXPECT_EQ(warnings("principal is Doc"), "1:1: this policy is false for every valid request\n");
  EXPECT_EQ(warnings("resource is Doc"), "") << "true for documents";
  EXPECT_EQ(warnings(R"(action in Action::"edits")"), "1:1: this policy is false for every valid request\n");
  EXPECT_EQ(warnings("false && principal.nope"), "1:1: this policy is false for every valid request\n");
  EXPECT_EQ(strict("false && principal.nope"), "passed") << "what is never evaluated is not checked";
}

TEST_F(Validate, AttributesMustBeThere) {
  EXPECT_EQ(strict("principal.nam == \"a\""),
            "1:62: there is no attribute `nam` in `principal` of type `User`\n");
  EXPECT_EQ(strict("principal.age > 3"),
            "1:62: the attribute `age` of `principal` of type `User` is optional, and may be absent here\n");
  EXPECT_THAT(strict("resource.title == \"a\""),
              HasSubstr("no attribute `title` in `resource` of type `Folder`"));
  EXPECT_THAT(strict("context.nope"), HasSubstr("there is no attribute `nope` in `context` of `view`"));
  EXPECT_THAT(strict("principal has age || principal.age > 3"), HasSubstr("optional"));
  EXPECT_THAT(strict("principal.friend has age && principal.age > 3"), HasSubstr("optional"));
  EXPECT_EQ(strict("(principal has age && true) && principal.age > 3"), "passed");
  EXPECT_THAT(strict("(true && principal has age) && principal.age > 3"), "passed");
  EXPECT_THAT(strict("(if principal has age then true else false) && principal.age > 3"),
              HasSubstr("optional"));
  const Validation result = run(on_view("principal.age > 3"));
  EXPECT_EQ(result.errors.front().issue.help, "guard it: `principal has age && principal.age ...`");
}

TEST_F(Validate, TagsMustBeThere) {
  EXPECT_THAT(strict(R"(principal.getTag("a") == "b")"), HasSubstr("this tag may be absent"));
  EXPECT_THAT(strict(R"(principal.hasTag("a") && principal.getTag("b") == "b")"),
              HasSubstr("this tag may be absent"));
  EXPECT_EQ(strict(R"(principal.hasTag(principal.name) && principal.getTag(principal.name) == "b")"),
            "passed");
  EXPECT_EQ(shown(run(on_view(R"(resource.hasTag("a"))")).warnings),
            "1:1: this policy is false for every valid request\n");
  EXPECT_THAT(strict(R"(resource.getTag("a") == "b")"), HasSubstr("this tag may be absent"));
}

TEST_F(Validate, OperatorsTakeOnlyTheirTypes) {
  EXPECT_EQ(strict("principal.name > 3"), "1:62: expected `Long`, got a value of type `String`\n");
  EXPECT_THAT(strict("principal.name + 1 == 2"), HasSubstr("expected `Long`, got a value of type `String`"));
  EXPECT_THAT(strict("principal.roles < principal.roles"),
              HasSubstr("expected `Long`, `datetime` or `duration`"));
  EXPECT_THAT(strict("principal.name"), HasSubstr("expected `Bool`, got a value of type `String`"));
  EXPECT_THAT(strict("!principal.name"), HasSubstr("expected `Bool`"));
  EXPECT_THAT(strict("principal.name like \"a\" && principal.roles like \"b\""),
              HasSubstr("expected `String`"));
  EXPECT_THAT(strict("principal in principal.roles"), HasSubstr("expected an entity or a set of entities"));
  EXPECT_THAT(strict("principal.name in resource"), HasSubstr("expected an entity, got"));
  EXPECT_THAT(strict("principal.name.contains(\"a\")"), HasSubstr("expected a set"));
  EXPECT_THAT(strict("principal.roles.containsAll(\"a\")"), HasSubstr("expected a set"));
  EXPECT_THAT(strict("principal.name.isEmpty()"), HasSubstr("expected a set"));
  EXPECT_THAT(strict("principal.roles has a"), HasSubstr("expected an entity or a record"));
  EXPECT_THAT(strict("principal.name is User"), HasSubstr("expected an entity"));
  EXPECT_THAT(strict("principal.name.hasTag(\"a\")"), HasSubstr("expected an entity"));
  EXPECT_THAT(strict("principal.hasTag(1)"), HasSubstr("expected `String`"));
  EXPECT_THAT(strict("-principal.name == 1"), HasSubstr("expected `Long`"));
}

TEST_F(Validate, FunctionsOfExtensionTypesTakeTheirArguments) {
  EXPECT_THAT(strict("context.ip.isInRange(\"10.0.0.0/8\")"),
              HasSubstr("expected `ipaddr`, got a value of type `String`"));
  EXPECT_THAT(strict("context.ip == ip(\"10.0.0.256\")"), HasSubstr("`10.0.0.256` is not a valid ipaddr"));
  EXPECT_THAT(strict("principal.since == datetime(\"yesterday\")"),
              HasSubstr("`yesterday` is not a valid datetime"));
  EXPECT_THAT(strict("context.ip == ip(principal.name)"), HasSubstr("`ip` takes only a literal"));
  EXPECT_EQ(permissive("context.ip == ip(principal.name)"), "passed");
  EXPECT_THAT(permissive("context.ip == ip(\"1.1.1.1\", \"2\")"), HasSubstr("`ip` takes 1 argument, not 2"));
}

TEST_F(Validate, StrictModeWantsEqualTypes) {
  EXPECT_THAT(strict("principal.name == principal.roles"),
              HasSubstr("the operands of `==` are of different types: `String` and `Set<String>`"));
  EXPECT_EQ(permissive("principal.name == principal.roles"), "passed");
  EXPECT_THAT(strict("[1, \"a\"].contains(1)"), HasSubstr("the elements of this set are of different types"));
  EXPECT_THAT(strict("principal.roles.contains(1)"),
              HasSubstr("the set's elements and what it is asked for"));
  EXPECT_EQ(permissive("principal.roles.contains(1)"), "passed");
  EXPECT_THAT(strict("principal.roles == []"), HasSubstr("an empty set has no type"));
  EXPECT_EQ(permissive("principal.roles == []"), "passed");
  EXPECT_THAT(strict("(if principal.name == \"\" then principal else resource) == principal"),
              HasSubstr("the two branches of `if`"));
  EXPECT_THAT(strict("[principal, resource].contains(principal)"), HasSubstr("of different types"));
  EXPECT_EQ(permissive("[principal, resource].contains(principal)"), "passed");
  EXPECT_EQ(permissive("(if principal.name == \"\" then principal else User::\"x\").name == \"\""), "passed");
}

TEST_F(Validate, PermissiveModeKnowsWhatSeveralEntityTypesShare) {
  const std::string either = "(if principal.name == \"a\" then principal else Group::\"g\")";
  EXPECT_EQ(permissive(either + ".name == \"\""), "passed");
  EXPECT_THAT(permissive(either + ".roles == [\"\"]"), HasSubstr("there is no attribute `roles`"));
  EXPECT_EQ(permissive(either + " has roles"), "passed");
}

TEST_F(Validate, ActionsAreComparedAsTheSchemaHasThem) {
  EXPECT_EQ(errors("permit(principal, action, resource) when { action == Action::\"edit\" && context.level "
                   "== Level::\"low\" };"),
            "passed");
  EXPECT_EQ(errors("permit(principal, action, resource) when { action in [Action::\"edits\"] && "
                   "context.level == Level::\"low\" };"),
            "passed");
  EXPECT_THAT(errors("permit(principal, action, resource) when { context.level == Level::\"low\" };"),
              HasSubstr("there is no attribute `level` in `context` of `view`"));
}

TEST_F(Validate, TemplatesAreCheckedForEveryTypeTheirSlotsMayHave) {
  EXPECT_EQ(errors("permit(principal in ?principal, action == Action::\"edit\", resource == ?resource);"),
            "passed");
  PolicySet set = *parse_policies("permit(principal == ?principal, action == Action::\"view\", resource);");
  set.links.push_back({"policy0", "fine", EntityUid{"User", "u"}, {}});
  set.links.push_back({"policy0", "group", EntityUid{"Group", "g"}, {}});
  set.links.push_back({"policy0", "nobody", EntityUid{"Nope", "n"}, {}});
  const Validation result = validate(*schema_, set);
  ASSERT_EQ(result.errors.size(), 3U);
  EXPECT_EQ(result.errors[0].policy_id, "group");
  EXPECT_EQ(result.errors[1].policy_id, "nobody");
  EXPECT_EQ(result.errors[1].kind, FindingKind::kUnknownEntityType);
  EXPECT_EQ(result.errors[2].kind, FindingKind::kNoApplicableAction);
}

// RFC 76.
TEST_F(Validate, LevelsCountTheEntitiesThatAreFollowed) {
  EXPECT_THAT(level(0, "principal.name == \"a\""), HasSubstr("follows entities to level 1, the limit is 0"));
  EXPECT_EQ(level(1, "principal.name == \"a\""), "passed");
  EXPECT_THAT(level(1, "principal.friend.name == \"a\""), HasSubstr("to level 2, the limit is 1"));
  EXPECT_EQ(level(2, "principal.friend.name == \"a\""), "passed");
  EXPECT_EQ(level(0, "principal == User::\"a\""), "passed");
  EXPECT_THAT(level(9, "User::\"a\".name == \"b\""), HasSubstr("an entity literal may not be followed"));
  EXPECT_EQ(level(1, "{a: principal, b: principal.friend}.a.name == \"x\""), "passed");
  EXPECT_THAT(level(1, "{a: principal, b: principal.friend}.b.name == \"x\""), HasSubstr("to level 2"));
  EXPECT_THAT(level(0, "principal in Group::\"g\""), HasSubstr("to level 1"));
}

TEST_F(Validate, OneMistakeIsOneFindingHoweverManyTypesItIsCheckedFor) {
  EXPECT_EQ(run("permit(principal, action, resource) when { 1 + true == 2 };").errors.size(), 1U);
}

TEST_F(Validate, WithoutTheTextIssuesHaveNoPlace) {
  const auto policies = parse_policies(on_view("principal.nope == 1"));
  EXPECT_EQ(validate(*schema_, *policies).errors.front().issue.line, 0);
}

TEST_F(Validate, LongAndDeepPoliciesAreChecked) {
  std::string chain = "principal has age";
  for (int i = 0; i < 20000; ++i) chain += " && principal.age > 3";
  EXPECT_EQ(strict(chain), "passed");
  std::string clauses = "permit(principal, action == Action::\"view\", resource) when { principal has age }";
  for (int i = 0; i < 20000; ++i) clauses += " when { principal.age > 3 }";
  EXPECT_EQ(errors(clauses + ";"), "passed");
  const std::string deep = std::string(200, '[') + "1" + std::string(200, ']');
  EXPECT_EQ(strict(deep + " == " + deep), "passed");
}

TEST_F(Validate, APolicyThatIsTooComplexIsRefused) {
  // Each `has a.b` looks at its left side twice.
  std::string nested = "principal";
  for (int i = 0; i < 40; ++i) nested = "(" + nested + " has a.b)";
  EXPECT_THAT(strict(nested), HasSubstr("too complex"));
}

// With a limit of levels every request that the schema allows is looked at, and this limit complains of
// nothing. Without it those are left out that the scope is not about: nothing that is found may hang on that.
TEST_F(Validate, FindsTheSameWhenOnlyRequestsOfTheScopeAreLookedAt) {
  const std::vector<std::string> principals{"principal",
                                            R"(principal == User::"u")",
                                            R"(principal == Doc::"d")",
                                            R"(principal == Nobody::"n")",
                                            R"(principal == Action::"view")",
                                            R"(principal in Group::"g")",
                                            R"(principal in Team::"t")",
                                            R"(principal in Nobody::"n")",
                                            "principal is Group",
                                            "principal is Nobody",
                                            R"(principal is User in Team::"t")",
                                            R"(principal is Group in Team::"t")",
                                            "principal == ?principal",
                                            "principal in ?principal",
                                            "principal is User in ?principal"};
  const std::vector<std::string> actions{"action",
                                         R"(action == Action::"view")",
                                         R"(action == Action::"any")",
                                         R"(action == Action::"none")",
                                         R"(action in Action::"any")",
                                         R"(action in [Action::"edit"])",
                                         R"(action in [Action::"edit", Action::"any", Action::"edit"])",
                                         R"(action in [Action::"edit", Action::"none"])",
                                         R"(action in [Action::"edit", Other::Action::"none"])",
                                         "action in []"};
  const std::vector<std::string> resources{"resource",
                                           R"(resource == Doc::"d")",
                                           R"(resource == User::"u")",
                                           R"(resource == Level::"middle")",
                                           R"(resource in Folder::"f")",
                                           "resource is Folder",
                                           R"(resource is Doc in Folder::"f")",
                                           "resource in ?resource"};
  for (const auto& principal : principals) {
    for (const auto& action : actions) {
      for (const auto& resource : resources) {
        for (const auto* condition : {"", " when { principal.name == \"n\" && resource.size > 1 }"}) {
          const auto text = fmt::format("permit({}, {}, {}){};", principal, action, resource, condition);
          if (!parse_policies(text)) continue;  // `action == Other::"x"` and the like
          for (const auto mode : {ValidationMode::kStrict, ValidationMode::kPermissive}) {
            const auto all = run(text, {mode, 1'000}), in_scope = run(text, {mode, {}});
            EXPECT_EQ(shown(in_scope.errors), shown(all.errors)) << text;
            EXPECT_EQ(shown(in_scope.warnings), shown(all.warnings)) << text;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace writ::cedar::validate_test
