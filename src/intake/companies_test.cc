// Exports of other companies, with look-alikes among them: names that differ in nothing that is seen, one
// name for two, and one that is called like another kind. Whatever comes of them comes of them in any order,
// and twice.
#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intake/testing/reading.h"

namespace writ::intake::companies_test {
namespace {

using inventory::Kind;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kMonday;
using ::testing::Not;
using testing::Reading;
using Files = std::vector<std::pair<std::string, std::string>>;

Import imported(Source source, std::string name, const Files& files) {
  Reading read(source, files);
  EXPECT_THAT(read.problems(), IsEmpty());
  return merge({source, std::move(name), {}}, read.findings, kMonday).value().after;
}

// ---- what comes with what

TEST(KeycloakTest, RolesThatComeWithOthersAndWithGroupsAreTold) {
  Reading read(Source::kKeycloak, R"({"realm": "acme",
    "roles": {"realm": [{"name": "default-roles-acme", "composite": true,
                         "composites": {"realm": ["offline_access"], "client": {"account": ["view-profile"]}}},
                        {"name": "auditor", "composite": true, "composites": {"client": {"billing": ["reader"]}}},
                        {"name": "circle", "composite": true, "composites": {"realm": ["circle", "auditor"]}},
                        {"name": "offline_access"}],
              "client": {"billing": [{"name": "reader", "composite": true, "composites": {"client": {"ledger": ["peek"]}}}], "empty": []}},
    "groups": [{"name": "staff", "path": "/staff", "realmRoles": ["circle"],
                "subGroups": [{"name": "night", "path": "/staff/night", "clientRoles": {"stock": ["count"]}}]}],
    "clients": [{"clientId": "batch", "serviceAccountsEnabled": true, "standardFlowEnabled": false, "clientAuthenticatorType": "client-jwt"}],
    "users": [{"username": "service-account-batch", "serviceAccountClientId": "batch", "realmRoles": ["default-roles-acme"],
               "groups": ["/staff/night"]}]})");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_THAT(read.at("acme/batch").grants,
              ElementsAre("realm role default-roles-acme", "member of group /staff/night",
                          "role count of client stock, by group /staff/night",
                          "realm role circle, by group /staff/night",
                          "realm role offline_access, by realm role default-roles-acme",
                          "role view-profile of client account, by realm role default-roles-acme",
                          "realm role auditor, by realm role circle",
                          "role reader of client billing, by realm role auditor",
                          "role peek of client ledger, by role reader of client billing"));
}

constexpr const char* kAggregated = R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: monitoring}
aggregationRule:
  clusterRoleSelectors:
  - matchLabels: {rbac.example/to-monitoring: "true"}
  - matchExpressions:
    - {key: rbac.example/tier, operator: In, values: [low]}
    - {key: rbac.example/off, operator: DoesNotExist}
rules: RULES
---
kind: ClusterRole
metadata: {name: pods, labels: {rbac.example/to-monitoring: "true"}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
kind: ClusterRole
metadata: {name: low, labels: {rbac.example/tier: low}}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {rbac.example/below: low}}]}
rules: [{apiGroups: [apps, ""], resources: [deployments], verbs: [list]}]
---
kind: ClusterRole
metadata: {name: below, labels: {rbac.example/below: low, rbac.example/to-monitoring: "false"}}
rules: [{apiGroups: ["*"], resources: [secrets], verbs: [get], resourceNames: [one]}]
---
kind: ClusterRole
metadata: {name: off, labels: {rbac.example/tier: low, rbac.example/off: "yes"}}
rules: [{apiGroups: [""], resources: [nodes], verbs: [delete]}]
---
kind: Role
metadata: {name: pods, namespace: shop, labels: {rbac.example/to-monitoring: "true"}}
rules: [{apiGroups: [""], resources: [everything], verbs: [get]}]
---
kind: ServiceAccount
metadata: {name: exporter, namespace: shop}
---
kind: ServiceAccount
metadata: {name: exporter, namespace: shop-2}
---
kind: RoleBinding
metadata: {name: b, namespace: shop}
roleRef: {kind: ClusterRole, name: monitoring}
subjects: [{kind: Group, name: "system:serviceaccounts:shop"}]
)";

// The cluster fills the rules in; files that were written for it leave that to it. Both say the same.
// Whoever may register a client would else keep a whole realm from being imported.
TEST(KeycloakTest, AClientThatIsNamedAsAUserIsCalledIsNotThatUser) {
  Reading realm(Source::kKeycloak, R"({"realm": "acme", "clients": [
      {"clientId": "users/u1", "standardFlowEnabled": true}, {"clientId": "clients/users/u1", "standardFlowEnabled": true}],
      "users": [{"id": "u1", "username": "nora"}]})");
  EXPECT_EQ(realm.problems(), "");
  EXPECT_EQ(realm.at("acme/users/u1").kind, inventory::Kind::kUser);
  EXPECT_EQ(realm.at("acme/clients/users/u1").kind, inventory::Kind::kApplication);
  EXPECT_EQ(realm.at("acme/clients/clients/users/u1").kind, inventory::Kind::kApplication);
}

TEST(KubernetesTest, ARoleThatIsMadeOfOthersHasTheirRulesWhoeverFilledThemIn) {
  for (
      const auto* rules :
      {"[]",
       R"([{apiGroups: [""], resources: [pods], verbs: [get]}, {apiGroups: [apps, ""], resources: [deployments], verbs: [list]},
                  {apiGroups: ["*"], resources: [secrets], verbs: [get], resourceNames: [one]}])"}) {
    std::string text = kAggregated;
    text.replace(text.find("RULES"), 5, rules);
    Reading read(Source::kKubernetes, text);
    EXPECT_THAT(read.problems(), IsEmpty());
    EXPECT_THAT(
        read.at("shop/exporter").grants,
        ElementsAre("get on pods in namespace shop (ClusterRole monitoring)",
                    "get on secrets.* named one in namespace shop (ClusterRole monitoring)",
                    "list on deployments.apps,deployments in namespace shop (ClusterRole monitoring)"));
    EXPECT_THAT(read.at("shop-2/exporter").grants, IsEmpty());
  }
}

TEST(KubernetesTest, ASelectorThatNobodyKnowsIsRefused) {
  EXPECT_THAT(
      Reading(
          Source::kKubernetes,
          R"({"kind": "ClusterRole", "metadata": {"name": "x"}, "aggregationRule": {"clusterRoleSelectors":
                  [{"matchExpressions": [{"key": "a", "operator": "Like", "values": []}]}]}})")
          .problems(),
      HasSubstr("has the operator `Like`"));
}

// ---- pages

std::string scim_page(int total, int start, const std::vector<int>& ids) {
  std::string all;
  for (const int id : ids)
    all += fmt::format(
        R"({}{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Agent"], "id": "{}", "displayName": "a{}"}})",
        all.empty() ? "" : ",", id, id);
  return fmt::format(R"({{"totalResults": {}, "startIndex": {}, "itemsPerPage": 2, "Resources": [{}]}})",
                     total, start, all);
}

TEST(ScimTest, PagesAreOneListWhereNoneIsMissing) {
  const auto first = scim_page(3, 1, {1, 2}), last = scim_page(3, 3, {3});
  for (const auto& files : {Files{{"1", first}, {"2", last}}, Files{{"2", last}, {"1", first}}}) {
    Reading read(Source::kScim, files);
    EXPECT_THAT(read.problems(), IsEmpty());
    EXPECT_EQ(3u, read.findings.all().size());
  }
  EXPECT_THAT(Reading(Source::kScim, first).problems(), HasSubstr("has 2 of 3 resources: pages are missing"));
  EXPECT_THAT(Reading(Source::kScim, last).problems(), HasSubstr("has 1 of 3 resources: pages are missing"));
  // One of another list does not stand in for it.
  EXPECT_THAT(Reading(Source::kScim, Files{{"1", first}, {"other", scim_page(2, 1, {8, 9})}}).problems(),
              HasSubstr("pages are missing"));
  EXPECT_THAT(Reading(Source::kScim, R"({"totalResults": 0})").problems(), IsEmpty());
}

TEST(GithubTest, PagesAreOneListWhereNoneIsMissing) {
  const auto page = [](int id) {
    return fmt::format(
        R"({{"total_count": 2, "installations": [{{"id": {}, "app_id": 1, "account": {{"login": "acme"}}}}]}})",
        id);
  };
  EXPECT_THAT(Reading(Source::kGithub, Files{{"1", page(1)}, {"2", page(2)}}).problems(), IsEmpty());
  EXPECT_THAT(Reading(Source::kGithub, page(1)).problems(), HasSubstr("has 1 of 2 installations"));
}

TEST(EntraTest, PagesAreOneListWhereTheLastOneIsThere) {
  const auto page = [](std::string_view id, std::string_view next) {
    return fmt::format(
        R"({{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#servicePrincipals", {}
             "value": [{{"id": "{}", "appId": "a-{}", "servicePrincipalType": "Application"}}]}})",
        next.empty() ? "" : fmt::format(R"("@odata.nextLink": "https://graph.microsoft.com/{}",)", next), id,
        id);
  };
  const auto first = page("1", "x"), second = page("2", "y"), last = page("3", "");
  for (const auto& files :
       {Files{{"1", first}, {"2", second}, {"3", last}}, Files{{"3", last}, {"2", second}, {"1", first}}}) {
    Reading read(Source::kEntra, files);
    EXPECT_THAT(read.problems(), IsEmpty());
    EXPECT_EQ(3u, read.findings.all().size());
  }
  EXPECT_THAT(Reading(Source::kEntra, Files{{"1", first}, {"2", second}}).problems(),
              HasSubstr("the last page is not there"));
}

TEST(EntraTest, AFileOfAByteOrderMarkAloneIsEmpty) {
  for (const auto* text : {"", " \n", "\xef\xbb\xbf", "\xef\xbb\xbf\r\n"})
    EXPECT_THAT(Reading(Source::kEntra, Files{{"1", text}}).problems(), HasSubstr("the file is empty"))
        << text;
}

// ---- tables

TEST(CsvTest, TablesOfOtherCountriesAndProgramsAreRead) {
  const std::string mark = "\xef\xbb\xbf";
  for (const char between : {',', ';', '\t'}) {
    std::string text =
        mark + "id,kind,name,grants\r\nbot,agent,\"of two\r\nlines\",\"read x; write y\"\r\n\r\n";
    std::ranges::replace(text, ',', between);
    Reading read(Source::kCsv, text);
    EXPECT_THAT(read.problems(), IsEmpty()) << between;
    EXPECT_EQ(read.at("bot").name, "of two\r\nlines");
    EXPECT_THAT(read.at("bot").grants, ElementsAre("read x", "write y"));
    // A line break is none in what is kept.
    EXPECT_THAT(import_text(imported(Source::kCsv, "csv", {{"f", text}})), HasSubstr("\"of two  lines\""));
  }
  // The header tells, not a row.
  EXPECT_THAT(Reading(Source::kCsv, "id,kind\na;b,agent\n").problems(), IsEmpty());
  EXPECT_THAT(Reading(Source::kCsv, "id;kind\na,agent\n").problems(), HasSubstr("the row has 1 cells"));
}

TEST(AwsTest, AFlagThatIsNeitherIsRefusedAndCapitalsAreRead) {
  const auto report = [](std::string_view key) {
    return "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,mfa_active,"
           "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active,"
           "access_key_2_last_rotated,access_key_2_last_used_date\r\n"
           "Nora,arn:aws:iam::1:user/Nora,2024-01-01T00:00:00+00:00,FALSE,no_information,N/A,FALSE," +
           std::string(key) + ",2024-01-02T00:00:00+00:00,N/A,FALSE,N/A,N/A\r\n";
  };
  Reading read(Source::kAws, report("TRUE"));
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("arn:aws:iam::1:user/Nora").kind, Kind::kService) << "whatever it is called";
  EXPECT_EQ(read.at("arn:aws:iam::1:user/Nora").credentials.size(), 1u);
  EXPECT_THAT(Reading(Source::kAws, report("yes")).problems(),
              HasSubstr("export:2:1: error: `access_key_1_active` is `yes`, expected true or false"));
}

// ---- look-alikes

constexpr const char* kLookAlikes =
    "id,kind,name,client_id\n"
    "bot,agent,bot,bot\n"
    "Bot,agent,Bot,Bot\n"                       // of another case
    "\"bot \",agent,bot ,\"bot \"\n"            // with a blank behind it
    "b\xd0\xbet,agent,b\xd0\xbet,b\xd0\xbet\n"  // with a Cyrillic o
    "bot\xe2\x80\x8b,agent,bot,x\n"             // with a space of no width
    "nora,agent,nora,nora\n";                   // called like a user

TEST(LookAlikes, AreDifferentAndAllThere) {
  const auto import = imported(Source::kCsv, "csv", {{"f", kLookAlikes}});
  ASSERT_EQ(6u, import.records.size());
  for (const auto* id : {"csv:bot", "csv:Bot", "csv:bot%20", "csv:b%D0%BEt", "csv:bot%E2%80%8B"})
    EXPECT_TRUE(import.records.contains(id)) << id;
}

TEST(LookAlikes, OnlyWhatIsEqualToTheLetterIsSuggestedAndOfFittingKind) {
  const auto one = imported(Source::kCsv, "one", {{"f", kLookAlikes}});
  const auto realm = imported(Source::kKeycloak, "keycloak", {{"f", R"({"realm": "acme",
      "clients": [{"clientId": "bot", "clientAuthenticatorType": "client-secret"}, {"clientId": "BOT", "clientAuthenticatorType": "client-secret"}],
      "users": [{"username": "nora", "id": "u1"}, {"username": "bot", "id": "u2"}]})"}});
  const std::vector<Listed> listed{{"nora", {}, Kind::kUser}, {"robot", {}, Kind::kAgent}};
  EXPECT_THAT(suggested_links(std::vector{one, realm}, listed),
              ElementsAre(Suggestion{"keycloak:acme/bot", "one:bot", "client:bot"},
                          // The user, not the agent of that name.
                          Suggestion{"keycloak:acme/users/u1", "nora", "user:nora"}));
}

// One source knows whether two are one: it lists them as two.
TEST(LookAlikes, TwoOfOneImportAreNotSuggestedForEachOther) {
  const auto realms = imported(Source::kKeycloak, "keycloak", {{"f", R"([
      {"realm": "acme", "clients": [{"clientId": "portal", "clientAuthenticatorType": "client-secret"}]},
      {"realm": "beta", "clients": [{"clientId": "portal", "clientAuthenticatorType": "client-secret"}]}])"}});
  EXPECT_THAT(suggested_links(std::vector{realms}, {}), IsEmpty());
  const std::vector<Listed> listed{{"portal", {"keycloak:acme/portal"}, Kind::kApplication}};
  EXPECT_THAT(suggested_links(std::vector{realms}, listed),
              ElementsAre(Suggestion{"keycloak:beta/portal", "portal", "client:portal"}));
}

TEST(LookAlikes, AServiceAccountCalledLikeAUserAndAUserCalledLikeOneAreWhatTheSourceSays) {
  Reading read(Source::kKeycloak, R"({"realm": "acme",
    "clients": [{"clientId": "nora", "serviceAccountsEnabled": true, "standardFlowEnabled": false, "clientAuthenticatorType": "client-secret"}],
    "users": [{"id": "1", "username": "nora"}, {"id": "2", "username": "service-account-nora", "realmRoles": ["admin"]},
              {"id": "3", "username": "service-account-nora-2", "serviceAccountClientId": "nora", "realmRoles": ["nightly"]},
              {"id": "4", "username": "ai-agent"}]})");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("acme/nora").kind, Kind::kService);
  EXPECT_THAT(read.at("acme/nora").grants,
              AllOf(Contains("realm role nightly"), Not(Contains("realm role admin"))));
  EXPECT_EQ(read.at("acme/users/2").kind, Kind::kUser);
  EXPECT_EQ(read.at("acme/users/4").kind, Kind::kUser);
}

TEST(OktaTest, TwoApplicationsWithOneClientIdAreRefused) {
  EXPECT_THAT(
      Reading(
          Source::kOkta,
          R"([{"id": "1", "label": "A", "signOnMode": "OPENID_CONNECT", "credentials": {"oauthClient": {"client_id": "c"}}},
                  {"id": "2", "label": "B", "signOnMode": "OPENID_CONNECT", "credentials": {"oauthClient": {"client_id": "c"}}}])")
          .problems(),
      HasSubstr("`[1]` has the client id `c`, which another application has too"));
}

}  // namespace
}  // namespace writ::intake::companies_test
