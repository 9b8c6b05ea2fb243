#include "cedar/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/parse.h"

namespace writ::cedar::manifest_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

SchemaPtr schema() {
  return *schema_from_text(R"(
    entity Group;
    entity User in Group = { manager: User, level: Long, address: { city: String, zip: String } } tags String;
    entity Doc = { owner: User, level: Long, public: Bool };
    entity Folder;
    action view, edit appliesTo { principal: User, resource: Doc, context: { mfa: Bool, ip?: ipaddr } };
    action list appliesTo { principal: User, resource: Folder };
  )");
}

// The paths of a condition, `=` behind those whose value is used, `^` behind those whose ancestors are.
std::vector<std::string> paths_of(std::string_view condition) {
  const auto set =
      parse_policies("permit(principal, action, resource) when {" + std::string(condition) + "};");
  EXPECT_TRUE(set.has_value()) << set.error().front().message;
  std::vector<std::string> shown;
  const auto manifest = access_manifest(*set, *schema());
  for (const AccessPath& path : manifest.at(0).paths)
    shown.push_back(path.to_string() + (path.value ? "=" : "") + (path.ancestors ? "^" : ""));
  return shown;
}

TEST(Manifest, AttributesAreReadAlongTheirPath) {
  EXPECT_THAT(paths_of("resource.owner.manager.level < context.n"),
              ElementsAre("context.n=", "resource.owner.manager.level="));
  EXPECT_THAT(paths_of("principal == resource.owner"), ElementsAre("resource.owner="));
  EXPECT_THAT(paths_of("User::\"x\".level == 1"), ElementsAre("User::\"x\".level="));
  EXPECT_THAT(paths_of("principal[\"a b\"] == 1"), ElementsAre("principal[\"a b\"]="));
  EXPECT_THAT(paths_of("principal == principal"), IsEmpty());
}

TEST(Manifest, PresenceIsNotTheValue) {
  EXPECT_THAT(paths_of("principal has address.city"), ElementsAre("principal.address.city"));
  EXPECT_THAT(paths_of("principal has address && principal.address.city == \"x\""),
              ElementsAre("principal.address.city="));
  EXPECT_THAT(paths_of("context has ip && principal.address == {city: \"x\", zip: \"y\"}"),
              ElementsAre("context.ip", "principal.address="));
}

TEST(Manifest, TheWholeContextMayBeUsed) {
  EXPECT_THAT(paths_of("context == {mfa: true}"), ElementsAre("context="));
}

TEST(Manifest, AncestorsAreAskedFor) {
  EXPECT_THAT(paths_of("principal in Group::\"g\""), ElementsAre("principal^"));
  EXPECT_THAT(paths_of("resource.owner is User in principal.groups"),
              ElementsAre("principal.groups=", "resource.owner=^"));
}

TEST(Manifest, TagsAreSteps) {
  EXPECT_THAT(paths_of("principal.hasTag(\"team\") && principal.getTag(\"team\") == resource.team"),
              ElementsAre("principal.tags[\"team\"]=", "resource.team="));
  EXPECT_THAT(paths_of("principal.getTag(context.name) like \"a*\""),
              ElementsAre("context.name=", "principal.tags[..]="));
}

TEST(Manifest, EveryBranchAndEveryFieldCounts) {
  EXPECT_THAT(paths_of("(if context.mfa then principal else resource.owner).level > 1"),
              ElementsAre("context.mfa=", "principal.level=", "resource.owner.level="));
  EXPECT_THAT(paths_of("{a: resource.owner, b: context.x}.a.level > 1"),
              ElementsAre("context.x=", "resource.owner=", "resource.owner.level="));
  EXPECT_THAT(paths_of("[principal.level, resource.level].contains(3)"),
              ElementsAre("principal.level=", "resource.level="));
}

TEST(Manifest, RequestsAreThoseForWhichAPolicyMayHold) {
  const auto set = parse_policies(R"(
    permit(principal in Group::"g", action, resource);
    permit(principal, action == Action::"view", resource);
    permit(principal, action, resource) when { resource is Folder };
    permit(principal == Group::"g", action, resource);
    permit(principal == ?principal, action == Action::"edit", resource);
  )");
  const auto manifest = access_manifest(*set, *schema());
  std::vector<std::string> actions;
  for (const PolicyAccess& access : manifest) {
    std::string all;
    for (const RequestType& request : access.requests)
      all += request.principal + " " + request.action.id + " " + request.resource + ";";
    actions.push_back(access.policy_id + ":" + all);
  }
  EXPECT_THAT(actions,
              ElementsAre("policy0:User edit Doc;User list Folder;User view Doc;", "policy1:User view Doc;",
                          "policy2:User list Folder;", "policy3:", "policy4:User edit Doc;"));
  ASSERT_EQ(manifest[0].paths.size(), 1u);
  EXPECT_TRUE(manifest[0].paths[0].ancestors);  // of the principal, by the scope
}

TEST(Manifest, ScopeFactsSayUnderWhatEachPolicyIsFound) {
  const auto set = parse_policies(R"(
    permit(principal, action, resource);
    permit(principal == User::"a", action == Action::"view", resource);
    permit(principal == User::"b", action == Action::"view", resource);
    permit(principal, action in [Action::"x", Action::"y"], resource);
    permit(principal, action, resource is Doc in Folder::"f");
    permit(principal is User, action, resource);
  )");
  const auto compiled = *CompiledPolicySet::compile(*set);
  std::vector<std::string> shown;
  for (const ScopeFacts& facts : scope_facts(*compiled)) {
    static constexpr std::string_view kRelations[] = {"any", "==", "in", "is"};
    std::string line(kRelations[static_cast<int>(facts.relation)]);
    if (!facts.name.empty())
      line = std::string(variable_name(facts.variable)) + " " + line + " " + facts.name;
    for (const PolicyIndex policy : facts.policies) line += " " + std::string(compiled->id(policy));
    shown.push_back(line);
  }
  EXPECT_THAT(shown, ElementsAre("any policy0", "principal == User::\"a\" policy1",
                                 "principal == User::\"b\" policy2", "principal is User policy5",
                                 "action in Action::\"x\" policy3", "action in Action::\"y\" policy3",
                                 "resource in Folder::\"f\" policy4"));
}

}  // namespace
}  // namespace writ::cedar::manifest_test
