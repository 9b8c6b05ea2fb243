// Shapes of exports that tools really write, and that once went wrong: pages, raw lists, files in any order,
// and look-alikes.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intake/testing/reading.h"

namespace writ::intake::shapes_test {
namespace {

using inventory::CredentialType;
using inventory::Kind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kMonday;
using testing::Reading;

// `kc.sh export --users different_files` writes users into files of their own, and a shell gives them in any
// order.
TEST(KeycloakTest, UsersMayComeBeforeTheirClients) {
  const std::pair<std::string, std::string> realm{"acme-realm.json",
                                                  R"({"realm": "acme", "clients": [
        {"clientId": "batch", "serviceAccountsEnabled": true, "standardFlowEnabled": false, "clientAuthenticatorType": "federated-jwt"},
        {"clientId": "api", "bearerOnly": true, "serviceAccountsEnabled": true}],
       "scopeMappings": [{"client": "batch", "roles": ["auditor"]}, {"clientScope": "roles", "roles": ["x"]}],
       "clientScopeMappings": {"billing": [{"client": "batch", "roles": ["reader"]}]},
       "federatedUsers": [{"id": "f:1:maria", "realmRoles": ["employee"]}]})"};
  const std::pair<std::string, std::string> users{"acme-users-0.json",
                                                  R"({"realm": "acme", "users": [
        {"username": "service-account-batch", "serviceAccountClientId": "batch", "realmRoles": ["nightly"]},
        {"username": "service-account-api", "serviceAccountClientId": "api"}]})"};
  Reading one(Source::kKeycloak, {realm, users}), other(Source::kKeycloak, {users, realm});
  EXPECT_THAT(one.problems() + other.problems(), IsEmpty());
  EXPECT_THAT(one.at("acme/batch").grants,
              ElementsAre("role auditor of its users", "role reader of client billing of its users",
                          "realm role nightly"));
  EXPECT_EQ(one.at("acme/batch").credentials.at(0).type, CredentialType::kFederation);
  const Import none{Source::kKeycloak, "keycloak", {}};
  EXPECT_EQ(import_text(merge(none, one.findings, kMonday).value().after),
            import_text(merge(none, other.findings, kMonday).value().after));
  EXPECT_EQ(one.findings.left_out().size(), 3u)
      << "a client, its service account, and a user of another store";
  EXPECT_THAT(Reading(Source::kKeycloak, users.second).problems(), HasSubstr("which is not in the export"));
}

constexpr const char* kManaged =
    R"({"value": [{"id": "m1", "appId": "a2", "displayName": "vm", "servicePrincipalType": "ManagedIdentity"}]})";

TEST(EntraTest, OnlyWhatItDidItselfIsUse) {
  const auto used = [](std::string_view members) {
    Reading read(Source::kEntra, {{"sps.json", kManaged},
                                  {"signins.json", R"({"value": [{"id": "z", "appId": "a2", )" +
                                                       std::string(members) + "}]}"}});
    EXPECT_THAT(read.problems(), IsEmpty());
    const auto last = read.at("m1").last_used_at;
    return last ? inventory::date_text(*last) : std::string("never");
  };
  const auto at = [](std::string_view member, std::string_view day) {
    return std::string("\"") + std::string(member) + R"(": {"lastSignInDateTime": ")" + std::string(day) +
           R"(T00:00:00Z"})";
  };
  // Others used it yesterday, as a resource: that is what the last sign-in of all is.
  EXPECT_EQ(used(at("lastSignInActivity", "2025-11-02") + "," +
                 at("delegatedResourceSignInActivity", "2025-11-02") + "," +
                 at("applicationAuthenticationClientSignInActivity", "2025-10-01")),
            "2025-10-01");
  EXPECT_EQ(used(at("lastSignInActivity", "2025-11-02") + "," +
                 at("applicationAuthenticationResourceSignInActivity", "2025-11-02")),
            "never");
  EXPECT_EQ(used(at("delegatedClientSignInActivity", "2025-11-01") + "," +
                 at("delegatedResourceSignInActivity", "2025-11-02")),
            "2025-11-01");
  EXPECT_EQ(used(R"("lastSignInActivity": {"lastSignInDateTime": null})"), "never");
}

// A blueprint and the agents made from it may have one application id.
TEST(EntraTest, WhatIsSaidOfABlueprintIsNotSaidOfItsAgents) {
  const std::string agent =
      R"({"id": "g1", "appId": "b1", "@odata.type": "#microsoft.graph.agentIdentity", "agentIdentityBlueprintId": "b1"})";
  const std::string blueprint =
      R"({"id": "p1", "appId": "b1", "@odata.type": "#microsoft.graph.agentIdentityBlueprintPrincipal"})";
  for (const auto& list : {agent + "," + blueprint, blueprint + "," + agent}) {
    Reading read(
        Source::kEntra,
        {{"sps.json", R"({"value": [)" + list + "]}"},
         {"apps.json",
          R"({"value": [{"id": "o1", "appId": "b1", "signInAudience": "AzureADMyOrg", "description": "makes agents",
            "federatedIdentityCredentials": [{"id": "f", "issuer": "https://cluster.example", "subject": "system:serviceaccount:shop:maker"}]}]})"}});
    EXPECT_THAT(read.problems(), IsEmpty());
    EXPECT_EQ(read.at("b1").description, "makes agents");
    EXPECT_THAT(read.at("b1").aliases, Contains("serviceaccount:shop/maker"));
    EXPECT_FALSE(read.at("g1").description);
    EXPECT_EQ(read.at("g1").kind, Kind::kAgent);
  }
}

// As /me/ownedObjects and `az rest` give them: in one list, of several types.
TEST(EntraTest, AListOfSeveralTypesIsReadEntryByEntry) {
  Reading read(Source::kEntra, R"([{"id": "s1", "appId": "a1", "servicePrincipalType": "Application"},
    {"id": "o1", "appId": "a1", "signInAudience": "AzureADMyOrg", "description": "of the team"},
    {"id": "p1", "appId": "b1", "@odata.type": "#microsoft.graph.agentIdentityBlueprintPrincipal", "description": "its principal"},
    {"id": "g1", "@odata.type": "#microsoft.graph.group"},
    {"id": "r", "appRoleId": "00000000-0000-0000-0000-000000000000", "principalId": "s1", "resourceDisplayName": "Shop"}])");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("a1").description, "of the team");
  EXPECT_THAT(read.at("b1").aliases, Contains("object:p1"));
  EXPECT_EQ(read.findings.left_out().size(), 1u);
  EXPECT_THAT(read.at("a1").grants, ElementsAre("access to Shop without a role"));
  EXPECT_THAT(Reading(Source::kEntra, R"([{"appId": "a1"}, {"mail": "x"}])").problems(),
              HasSubstr("`[1]` does not tell of which list it is"));
}

TEST(OktaTest, GrantsOfScopesBelongToTheirApplicationInWhateverOrder) {
  const std::pair<std::string, std::string> apps{
      "apps.json",
      R"([{"id": "0oa1", "label": "Batch", "status": "ACTIVE", "signOnMode": "OPENID_CONNECT",
           "credentials": {"oauthClient": {"client_id": "batch-client"}}}])"};
  const std::pair<std::string, std::string> grants{
      "grants.json",
      R"([{"id": "oag1", "status": "ACTIVE", "issuer": "https://acme.okta.com", "clientId": "batch-client", "scopeId": "okta.users.manage", "source": "ADMIN"},
          {"id": "oag2", "status": "REVOKED", "issuer": "https://acme.okta.com", "clientId": "batch-client", "scopeId": "okta.apps.manage"},
          {"id": "oag3", "status": "ACTIVE", "issuer": "https://acme.okta.com", "clientId": "elsewhere", "scopeId": "okta.apps.read"}])"};
  for (const auto& files : {std::vector{apps, grants}, std::vector{grants, apps}}) {
    Reading read(Source::kOkta, files);
    EXPECT_THAT(read.problems(), IsEmpty());
    EXPECT_THAT(read.at("apps/0oa1").grants, ElementsAre("scope okta.users.manage of https://acme.okta.com"));
    EXPECT_EQ(read.findings.left_out().size(), 2u);
  }
  EXPECT_THAT(
      Reading(Source::kOkta, R"({"data": [], "_links": {"next": {"href": "https://acme.okta.com/next"}}})")
          .problems(),
      HasSubstr("one page of several"));
}

// `kubectl get --raw /api/v1/serviceaccounts`: the items do not say again what they are.
TEST(KubernetesTest, AListOfOneKindSaysWhatItsItemsAre) {
  Reading read(
      Source::kKubernetes,
      {{"accounts.json",
        R"({"kind": "ServiceAccountList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"},
      "items": [{"metadata": {"name": "exporter", "namespace": "shop"}}]})"},
       {"roles.json", R"({"kind": "RoleList", "items": [{"metadata": {"name": "reader", "namespace": "shop"},
      "rules": [{"verbs": ["get"], "resources": ["pods"]}]}]})"},
       {"bindings.json",
        R"({"kind": "RoleBindingList", "items": [{"metadata": {"name": "b", "namespace": "shop"},
      "roleRef": {"kind": "Role", "name": "reader"}, "subjects": [{"kind": "ServiceAccount", "name": "exporter"}]}]})"}});
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_THAT(read.at("shop/exporter").grants, ElementsAre("get on pods in namespace shop (Role reader)"));
  // What nobody can tell is not left out in silence: all that was there before would be gone.
  EXPECT_THAT(Reading(Source::kKubernetes, R"({"items": [{"metadata": {"name": "x"}}]})").problems(),
              HasSubstr("`items[0]` has no `kind`"));
  EXPECT_THAT(Reading(Source::kKubernetes,
                      R"({"kind": "ServiceAccountList", "metadata": {"continue": "abc"}, "items": []})")
                  .problems(),
              HasSubstr("one page of several"));
}

TEST(KubernetesTest, AnAccountIsBoundByItsNameAsAUserAndWithEverybodyToo) {
  Reading read(Source::kKubernetes, R"(# Source: shop/templates/account.yaml
--- # the account
apiVersion: v1
kind: ServiceAccount
metadata: {name: exporter, namespace: shop}
---
kind: ClusterRoleBinding
metadata: {name: sneaky}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: User, name: "system:serviceaccount:shop:exporter"}
- {kind: User, name: "system:serviceaccount:shop:nobody"}
---
# nothing
...
---
kind: ClusterRoleBinding
metadata: {name: everybody}
roleRef: {kind: ClusterRole, name: discovery}
subjects: [{kind: Group, name: "system:authenticated"}]
)");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_THAT(read.at("shop/exporter").grants,
              ElementsAre("ClusterRole cluster-admin in all namespaces (its rules are not in the export)",
                          "ClusterRole discovery in all namespaces (its rules are not in the export)"));
}

TEST(KubernetesTest, LinesAreThoseOfTheFileInWhicheverDocument) {
  EXPECT_THAT(
      Reading(Source::kKubernetes, "kind: Pod\n---\nkind: Pod\n---\nkind: Pod\nkind: Pod\n").problems(),
      HasSubstr("export:6:1: error: key `kind` is given twice"));
}

TEST(KubernetesTest, ABindingOfAGroupThatGivesTooMuchIsRefused) {
  std::string accounts, rules;
  for (int i = 0; i < 1500; ++i) {
    accounts += R"({"kind": "ServiceAccount", "metadata": {"name": "a)" + std::to_string(i) + R"("}},)";
    rules += std::string(i > 0 ? "," : "") + R"({"verbs": ["get"], "resources": ["r)" + std::to_string(i) +
             R"("]})";
  }
  EXPECT_THAT(
      Reading(
          Source::kKubernetes,
          R"({"kind": "List", "items": [)" + accounts +
              R"({"kind": "ClusterRole", "metadata": {"name": "all"}, "rules": [)" + rules +
              R"(]}, {"kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "all"},
                          "subjects": [{"kind": "Group", "name": "system:serviceaccounts"}]}]})")
          .problems(),
      HasSubstr("more than 2000000 rules"));
}

TEST(SpireTest, OneIdentityEndsWithTheLastOfItsEntriesInWhateverOrder) {
  const auto entry = [](std::string_view parent, std::string_view expires) {
    return fmt::format(
        R"({{"spiffe_id": {{"trust_domain": "a.example", "path": "/x"}}, "parent_id": {{"trust_domain": "a.example", "path": "{}"}}, "expires_at": "{}", "downstream": true, "dns_names": ["x.shop"]}})",
        parent, expires);
  };
  const auto read = [&](const std::vector<std::string>& entries) {
    return R"({"entries": [)" + fmt::format("{}", fmt::join(entries, ",")) + "]}";
  };
  const auto soon = entry("/b", "1767225600"), late = entry("/a", "1767312000"), never = entry("/c", "0");
  const Import none{Source::kSpire, "spire", {}};
  for (const auto& [one, other] : {std::pair(read({soon, late}), read({late, soon})),
                                   std::pair(read({soon, never, late}), read({never, late, soon}))}) {
    Reading first(Source::kSpire, one), second(Source::kSpire, other);
    EXPECT_EQ(import_text(merge(none, first.findings, kMonday).value().after),
              import_text(merge(none, second.findings, kMonday).value().after));
  }
  Reading ends(Source::kSpire, read({late, soon})), goes_on(Source::kSpire, read({late, never}));
  EXPECT_EQ(inventory::date_text(ends.at("spiffe://a.example/x").expires_at.value()), "2026-01-02");
  EXPECT_FALSE(goes_on.at("spiffe://a.example/x").expires_at);
  EXPECT_EQ(ends.at("spiffe://a.example/x").parent, "spiffe://a.example/a");
  EXPECT_THAT(ends.at("spiffe://a.example/x").aliases, Contains("dns:x.shop"));
}

TEST(AwsTest, ASigningCertificateIsACredential) {
  const std::string header =
      "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,mfa_active,"
      "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active,"
      "access_key_2_last_rotated,access_key_2_last_used_date,cert_1_active,cert_1_last_rotated\n";
  Reading read(Source::kAws,
               header +
                   "old-sync,arn:aws:iam::1:user/old-sync,2012-01-01T00:00:00+00:00,false,N/A,N/A,"
                   "false,false,N/A,N/A,false,N/A,N/A,true,2013-05-01T00:00:00+00:00\n");
  EXPECT_THAT(read.problems(), IsEmpty());
  const auto& credentials = read.at("arn:aws:iam::1:user/old-sync").credentials;
  ASSERT_EQ(credentials.size(), 1u);
  EXPECT_EQ(credentials[0].type, CredentialType::kCertificate);
  EXPECT_EQ(inventory::date_text(credentials[0].created_at.value()), "2013-05-01");
}

TEST(ScimTest, AnExtensionOfAUserIsNoAgentWhateverItIsCalled) {
  Reading read(Source::kScim, R"({"totalResults": 4, "Resources": [
    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:acme:scim:schemas:extension:callcenter:2.0:Agent",
                 "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "id": "1", "userName": "joe@acme.example",
     "name": {"formatted": "Joe", "familyName": "J"}, "meta": {"resourceType": "User"}},
    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:agent"], "id": "2", "agentUserName": "analysis", "externalId": "agent-42"},
    {"schemas": ["urn:acme:custom"], "id": "3", "name": "helper", "meta": {"resourceType": "Agent"}},
    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:AgenticApplication"], "id": "4", "name": "platform"}]})");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("1").kind, Kind::kUser);
  EXPECT_EQ(read.at("1").name, "joe@acme.example");
  EXPECT_EQ(read.at("2").kind, Kind::kAgent);
  EXPECT_EQ(read.at("2").name, "analysis");
  EXPECT_EQ(read.at("3").kind, Kind::kAgent);
  EXPECT_EQ(read.at("4").kind, Kind::kApplication);
  EXPECT_THAT(Reading(Source::kScim, R"([{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:Agent"], "id": "5"}])")
                  .problems(),
              HasSubstr("`schemas` of two kinds"));
}

// As PowerShell redirects.
TEST(ImportTest, FilesInUtf16AreRefusedByEverySourceInWords) {
  for (const auto& name : source_names())
    EXPECT_THAT(Reading(source_from_name(name).value(), std::string("\xff\xfe{\0}\0", 6)).problems(),
                HasSubstr("the file is in UTF-16"))
        << name;
}

TEST(ImportTest, WhatNobodySeesInANameBecomesASpace) {
  Reading read(
      Source::kCsv,
      "id,kind,name\na,agent,pay\xE2\x80\xAEtnega\xE2\x80\x8B\xC2\x9B\xEF\xBB\xBF\xE2\x81\xA6nora\n");
  const auto merged = merge({Source::kCsv, "csv", {}}, read.findings, kMonday).value();
  EXPECT_THAT(import_text(merged.after), HasSubstr("\"name\":\"pay tnega    nora\""));
}

}  // namespace
}  // namespace writ::intake::shapes_test
