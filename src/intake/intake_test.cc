// Importers on the shapes that systems export, and what becomes of two imports one after the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intake/testing/reading.h"

namespace writ::intake::intake_test {
namespace {

using inventory::CredentialType;
using inventory::Kind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kMonday;
using ::testing::Not;
using testing::Reading;

const Instant kTuesday = kMonday + std::chrono::days(1);

constexpr const char* kRealm = R"({
  "id": "6f0c", "realm": "acme", "enabled": true, "sslRequired": "external",
  "clients": [
    {"id": "1", "clientId": "support-portal", "name": "Support", "enabled": true, "publicClient": false,
     "clientAuthenticatorType": "client-secret", "secret": "**********", "standardFlowEnabled": true,
     "serviceAccountsEnabled": true, "fullScopeAllowed": true, "defaultClientScopes": ["email", "roles"],
     "attributes": {"client.secret.creation.time": "1735689600", "client.secret.expiration.time": "0"}},
    {"id": "2", "clientId": "nightly-user", "enabled": false, "standardFlowEnabled": false, "serviceAccountsEnabled": true,
     "directAccessGrantsEnabled": false, "clientAuthenticatorType": "client-jwt"},
    {"id": "3", "clientId": "api", "bearerOnly": true}],
  "users": [
    {"id": "u1", "username": "nora", "enabled": true, "createdTimestamp": 1704067200000, "email": "nora@acme.example",
     "realmRoles": ["employee"]},
    {"id": "u2", "username": "service-account-nightly-user", "serviceAccountClientId": "nightly-user",
     "createdTimestamp": 1704067200000, "realmRoles": ["auditor"], "clientRoles": {"billing": ["reader"]}}]})";

TEST(KeycloakTest, TheFlowsTellTheKindAndNoName) {
  Reading read(Source::kKeycloak, kRealm);
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("acme/support-portal").kind, Kind::kApplication);
  // It is called a user, and is none.
  EXPECT_EQ(read.at("acme/nightly-user").kind, Kind::kService);
  EXPECT_FALSE(read.at("acme/nightly-user").enabled);
  EXPECT_EQ(read.at("acme/users/u1").kind, Kind::kUser);
  EXPECT_EQ(read.findings.all().size(), 3u);
  EXPECT_EQ(read.findings.left_out().size(), 1u);
}

TEST(KeycloakTest, TheRolesOfAServiceAccountAreItsClientsAndNoSecretIsKept) {
  Reading read(Source::kKeycloak, kRealm);
  EXPECT_THAT(read.at("acme/nightly-user").grants,
              ElementsAre("realm role auditor", "role reader of client billing"));
  const auto& portal = read.at("acme/support-portal");
  ASSERT_EQ(portal.credentials.size(), 1u);
  EXPECT_EQ(portal.credentials[0].type, CredentialType::kSecret);
  EXPECT_EQ(inventory::date_text(portal.credentials[0].created_at.value()), "2025-01-01");
  EXPECT_FALSE(portal.credentials[0].expires_at);
  EXPECT_THAT(portal.grants, Contains("all roles of its users"));
  const auto merged = merge({Source::kKeycloak, "keycloak", {}}, read.findings, kMonday).value();
  EXPECT_THAT(import_text(merged.after), Not(HasSubstr("*****")));
}

TEST(KeycloakTest, WhatIsNoRealmIsRefused) {
  EXPECT_THAT(Reading(Source::kKeycloak, R"({"value": []})").problems(),
              HasSubstr("is not a realm of Keycloak"));
  EXPECT_THAT(Reading(Source::kKeycloak, R"({"realm": "a", "clients": [{"clientId": 7}]})").problems(),
              HasSubstr("`clients[0].clientId` must be a string"));
}

constexpr const char* kPrincipals =
    R"({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#servicePrincipals",
  "value": [
    {"id": "59e6", "@odata.type": "#microsoft.graph.agentIdentity", "displayName": "My Agent", "accountEnabled": true,
     "servicePrincipalType": "ServiceIdentity", "agentIdentityBlueprintId": "6541", "createdDateTime": "2025-09-17T19:10:35.2742618Z",
     "sponsors": [{"id": "u1", "userPrincipalName": "nora@acme.example"}], "lifecycle": {"expirationDateTime": "2026-12-31T23:59:59Z"}},
    {"id": "s1", "appId": "a1", "displayName": "agent of nobody", "servicePrincipalType": "Application", "accountEnabled": true,
     "owners": [{"id": "u2"}], "passwordCredentials": []},
    {"id": "m1", "appId": "a2", "displayName": "vm", "servicePrincipalType": "ManagedIdentity"},
    {"id": "g1", "appId": "00000003", "displayName": "Microsoft Graph", "servicePrincipalType": "Application",
     "appRoles": [{"id": "r1", "value": "Mail.Read"}]}]})";
constexpr const char* kApplications =
    R"({"value": [{"id": "o1", "appId": "a1", "displayName": "agent of nobody", "signInAudience": "AzureADMyOrg",
  "createdDateTime": "2024-01-01T00:00:00Z",
  "passwordCredentials": [{"keyId": "k1", "startDateTime": "2025-01-01T00:00:00Z", "endDateTime": "2026-01-01T00:00:00Z", "hint": "abc"}],
  "keyCredentials": [{"keyId": "k2", "type": "AsymmetricX509Cert", "endDateTime": "2027-01-01T00:00:00Z"}]}]})";
constexpr const char* kRoles =
    R"({"value": [{"id": "x", "appRoleId": "r1", "principalId": "m1", "principalType": "ServicePrincipal",
  "resourceDisplayName": "Microsoft Graph", "resourceId": "g1"}]})";
constexpr const char* kScopes =
    R"({"value": [{"id": "y", "clientId": "s1", "consentType": "AllPrincipals", "principalId": null,
  "resourceId": "g1", "scope": " User.Read Mail.Send"}]})";
constexpr const char* kSignIns =
    R"({"value": [{"id": "z", "appId": "a2", "lastSignInActivity": {"lastSignInDateTime": "2025-11-01T10:00:00Z"}}]})";

std::vector<std::pair<std::string, std::string>> entra() {
  return {{"roles.json", kRoles},
          {"sps.json", kPrincipals},
          {"signins.json", kSignIns},
          {"apps.json", kApplications},
          {"scopes.json", kScopes}};
}

TEST(EntraTest, TypesTellAgentsServicesAndApplicationsApart) {
  Reading read(Source::kEntra, entra());
  EXPECT_THAT(read.problems(), IsEmpty());
  const auto& agent = read.at("59e6");
  EXPECT_EQ(agent.kind, Kind::kAgent);
  EXPECT_EQ(agent.sponsor, "nora@acme.example");
  EXPECT_EQ(agent.blueprint, "6541");
  EXPECT_EQ(inventory::date_text(agent.expires_at.value()), "2026-12-31T23:59:59Z");
  EXPECT_EQ(read.at("a1").kind, Kind::kApplication);  // whatever it is called
  EXPECT_EQ(read.at("m1").kind, Kind::kService);
}

TEST(EntraTest, TheListsBelongTogetherInWhateverOrderTheyCome) {
  auto files = entra();
  Reading read(Source::kEntra, files);
  EXPECT_THAT(read.at("m1").grants, ElementsAre("application role Mail.Read of Microsoft Graph"));
  EXPECT_THAT(read.at("a1").grants, ElementsAre("scope User.Read of Microsoft Graph for every user",
                                                "scope Mail.Send of Microsoft Graph for every user"));
  EXPECT_EQ(read.at("a1").owner, "u2");
  EXPECT_EQ(read.at("a1").credentials.size(), 2u);
  EXPECT_EQ(inventory::date_text(read.at("m1").last_used_at.value()), "2025-11-01T10:00:00Z");
  std::ranges::reverse(files);
  Reading other(Source::kEntra, files);
  const Import none{Source::kEntra, "entra", {}};
  EXPECT_EQ(import_text(merge(none, read.findings, kMonday).value().after),
            import_text(merge(none, other.findings, kMonday).value().after));
}

TEST(EntraTest, OnePageOfSeveralIsRefused) {
  EXPECT_THAT(
      Reading(Source::kEntra, R"({"value": [], "@odata.nextLink": "https://graph.microsoft.com/next"})")
          .problems(),
      HasSubstr("is one page of several"));
  EXPECT_THAT(Reading(Source::kEntra, kRealm).problems(), HasSubstr("is not of Microsoft Graph"));
  EXPECT_THAT(
      Reading(Source::kEntra, R"({"value": [{"id": "1", "servicePrincipalType": "Elsewhere"}]})").problems(),
      HasSubstr("which tells no kind"));
}

TEST(OktaTest, ApplicationsTokensAndAgents) {
  Reading read(
      Source::kOkta,
      {{"apps.json", R"([
     {"id": "0oa1", "name": "oidc_client", "label": "Batch", "status": "ACTIVE", "created": "2024-05-01T00:00:00.000Z", "signOnMode": "OPENID_CONNECT",
      "credentials": {"oauthClient": {"client_id": "0oa1", "token_endpoint_auth_method": "private_key_jwt"}},
      "settings": {"oauthClient": {"application_type": "service", "grant_types": ["client_credentials"]}}},
     {"id": "0oa2", "name": "salesforce", "label": "Sales agent", "status": "INACTIVE", "signOnMode": "SAML_2_0"}])"},
       {"tokens.json", R"([{"id": "00T1", "name": "terraform", "userId": "00u1", "clientName": "Okta API",
      "created": "2024-01-01T00:00:00.000Z", "expiresAt": "2026-01-01T00:00:00.000Z", "lastUpdated": "2025-06-01T00:00:00.000Z", "tokenWindow": "P30D"}])"},
       {"agents.json",
        R"({"data": [{"id": "wlp1", "orn": "orn:okta:workload-principals:00o1:ai-agents:wlp1", "status": "STAGED",
      "profile": {"name": "helper", "description": "answers mail"}, "appId": "0oa2"}]})"}});
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("apps/0oa1").kind, Kind::kService);
  EXPECT_EQ(read.at("apps/0oa2").kind, Kind::kApplication);
  EXPECT_FALSE(read.at("apps/0oa2").enabled);
  EXPECT_EQ(read.at("api-tokens/00T1").owner, "00u1");
  EXPECT_EQ(read.at("ai-agents/wlp1").kind, Kind::kAgent);
  EXPECT_EQ(read.at("ai-agents/wlp1").parent, "apps/0oa2");
  EXPECT_THAT(Reading(Source::kOkta, R"([{"id": "1"}])").problems(),
              HasSubstr("`[0]` is neither an application"));
}

TEST(KubernetesTest, RolesReachAccountsThroughBindingsAndGroups) {
  Reading read(Source::kKubernetes, R"(apiVersion: v1
kind: ServiceAccount
metadata: {name: exporter, namespace: shop, creationTimestamp: "2025-01-01T00:00:00Z"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: List
items:
- kind: ClusterRole
  metadata: {name: reader}
  rules:
  - {apiGroups: [""], resources: [pods], verbs: [get, list]}
- kind: RoleBinding
  metadata: {name: b, namespace: shop}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
  subjects:
  - {kind: ServiceAccount, name: exporter, namespace: shop}
- kind: ClusterRoleBinding
  metadata: {name: all}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: elsewhere}
  subjects:
  - {kind: Group, name: "system:serviceaccounts:shop"}
)");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("shop/exporter").kind, Kind::kService);
  EXPECT_THAT(read.at("shop/exporter").grants,
              ElementsAre("get,list on pods in namespace shop (ClusterRole reader)",
                          "ClusterRole elsewhere in all namespaces (its rules are not in the export)"));
  EXPECT_THAT(Reading(Source::kKubernetes, "a: b\n").problems(), HasSubstr("is not of Kubernetes"));
  EXPECT_THAT(Reading(Source::kKubernetes, "kind: List\nitems: [\n").problems(), HasSubstr("export:"));
}

TEST(SpireTest, EntriesOfOneIdAreOneIdentity) {
  Reading read(Source::kSpire, R"({"entries": [
    {"id": "e1", "spiffe_id": {"trust_domain": "acme.example", "path": "/shop/exporter"}, "parent_id": {"trust_domain": "acme.example", "path": "/node"},
     "selectors": [{"type": "k8s", "value": "ns:shop"}, {"type": "k8s", "value": "sa:exporter"}], "x509_svid_ttl": 3600, "expires_at": "0", "created_at": "1735689600"},
    {"id": "e2", "spiffe_id": {"trust_domain": "acme.example", "path": "/shop/exporter"}, "parent_id": {"trust_domain": "acme.example", "path": "/node"},
     "selectors": [{"type": "unix", "value": "uid:7"}], "created_at": "1735776000"}], "next_page_token": ""})");
  EXPECT_THAT(read.problems(), IsEmpty());
  const auto& found = read.at("spiffe://acme.example/shop/exporter");
  EXPECT_EQ(found.grants.size(), 2u);
  EXPECT_THAT(found.aliases, Contains("serviceaccount:shop/exporter"));
  EXPECT_EQ(found.credentials.at(0).bound, true);
  EXPECT_THAT(Reading(Source::kSpire, R"({"entries": [], "next_page_token": "x"})").problems(),
              HasSubstr("one page of several"));
}

constexpr const char* kAwsHeader =
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_"
    "rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_"
    "used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_"
    "date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_"
    "active,"
    "cert_2_last_rotated\n";

TEST(AwsTest, WhoLogsInIsAUserAndTheOthersAreServices) {
  Reading read(
      Source::kAws,
      std::string(kAwsHeader) +
          "<root_account>,arn:aws:iam::1:root,2020-01-01T00:00:00+00:00,not_supported,2025-01-01T00:00:00+00:"
          "00,"
          "not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A\n"
          "nora-bot,arn:aws:iam::1:user/nora-bot,2024-01-01T00:00:00+00:00,false,N/A,N/A,N/A,false,true,"
          "2024-01-02T00:00:00+00:00,2025-10-01T00:00:00+00:00,eu-west-1,s3,false,N/A,N/A,N/A,N/A,false,N/"
          "A,false,N/A\n");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("arn:aws:iam::1:root").kind, Kind::kUser);
  const auto& bot = read.at("arn:aws:iam::1:user/nora-bot");
  EXPECT_EQ(bot.kind, Kind::kService);
  EXPECT_EQ(inventory::date_text(bot.last_used_at.value()), "2025-10-01");
  EXPECT_EQ(bot.credentials.size(), 1u);
}

TEST(AwsTest, AReportThatWasCutOrIsNoneIsRefusedWithItsLine) {
  EXPECT_THAT(Reading(Source::kAws, std::string(kAwsHeader) + "nora,arn:aws:iam::1:user/no").problems(),
              HasSubstr("export:2:1: error: the row has 2 cells, the header 22"));
  EXPECT_THAT(Reading(Source::kAws, "id,kind\n").problems(),
              HasSubstr("it is not a credential report of AWS"));
  EXPECT_THAT(Reading(Source::kAws, "").problems(), HasSubstr("the file is empty"));
}

TEST(GithubTest, PermissionsOfInstallationsAreEvidence) {
  Reading read(
      Source::kGithub,
      R"({"total_count": 1, "installations": [{"id": 25381, "account": {"login": "acme"}, "app_id": 2218,
    "app_slug": "builder", "repository_selection": "selected", "permissions": {"checks": "write", "metadata": "read"},
    "created_at": "2024-02-22T20:51:14Z", "suspended_at": null}]})");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_THAT(read.at("installations/25381").grants,
              ElementsAre("write checks in selected repositories", "read metadata in selected repositories"));
  EXPECT_TRUE(read.at("installations/25381").enabled);
  EXPECT_THAT(Reading(Source::kGithub, R"({"total_count": 9, "installations": []})").problems(),
              HasSubstr("has 0 of 9"));
}

TEST(ScimTest, SchemasTellTheKind) {
  Reading read(
      Source::kScim,
      R"({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 3, "Resources": [
    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Agent"], "id": "7", "name": "user-sync", "displayName": "User", "active": true,
     "owners": [{"value": "nora"}], "meta": {"resourceType": "Agent", "created": "2025-01-01T00:00:00Z"}},
    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "8", "userName": "agent-smith", "roles": [{"value": "admin"}]},
    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "9"}]})");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("7").kind, Kind::kAgent);
  EXPECT_EQ(read.at("7").owner, "nora");
  EXPECT_EQ(read.at("8").kind, Kind::kUser);
  EXPECT_THAT(read.at("8").grants, ElementsAre("role admin"));
  EXPECT_THAT(Reading(Source::kScim, R"({"Resources": [{"id": "1"}]})").problems(),
              HasSubstr("`Resources[0]` has no `schemas` that tell its kind"));
}

TEST(CsvTest, QuotesUnknownColumnsAndKinds) {
  Reading read(Source::kCsv,
               "id,kind,name,owner,expires_at,grants\r\nbot,agent,\"a \"\"bot\"\", of "
               "us\",unknown,2027-01-31,read x; write y\r\n");
  EXPECT_THAT(read.problems(), IsEmpty());
  EXPECT_EQ(read.at("bot").name, "a \"bot\", of us");
  EXPECT_FALSE(read.at("bot").owner);
  EXPECT_THAT(read.at("bot").grants, ElementsAre("read x", "write y"));
  EXPECT_THAT(Reading(Source::kCsv, "id,kind,onwer\n").problems(), HasSubstr("there is no column `onwer`"));
  EXPECT_THAT(Reading(Source::kCsv, "id,kind\na,agent\nb,robot\n").problems(),
              HasSubstr("export:3:1: error: `kind` is `robot`"));
  EXPECT_THAT(Reading(Source::kCsv, "id,kind\na,agent\na,agent\n").problems(),
              HasSubstr("`a` is there twice"));
  EXPECT_THAT(Reading(Source::kCsv, "id,kind\n\"a,agent\n").problems(), HasSubstr("a quote does not end"));
}

// Every source refuses what breaks off, whatever it was.
TEST(ImportTest, TruncatedFilesAreRefused) {
  const std::string realm = kRealm;
  for (std::size_t size = 1; size < realm.size(); size += 17)
    EXPECT_THAT(Reading(Source::kKeycloak, realm.substr(0, size)).problems(), HasSubstr("export:")) << size;
  EXPECT_THAT(Reading(Source::kEntra, std::string(kPrincipals).substr(0, 300)).problems(),
              HasSubstr("ends in the middle"));
}

TEST(ImportTest, MoreIdentitiesThanAreKeptAreRefusedOnce) {
  files::Issues issues;
  Findings findings(issues, 3);
  read_source(Source::kCsv, {{"export", "id,kind\na,user\nb,user\nc,user\nd,user\ne,user\n"}}, findings);
  ASSERT_EQ(issues.all().size(), 1u);
  EXPECT_EQ(issues.all()[0].message, "there are more than 3 identities");
}

TEST(ImportTest, ARowThatIsItsOwnParentIsRefusedWithItsLine) {
  files::Issues issues;
  Findings findings(issues);
  read_source(Source::kCsv, {{"export.csv", "id,kind,parent\na,service,\nb,service,b\n"}}, findings);
  ASSERT_EQ(issues.all().size(), 1u);
  EXPECT_EQ(render(issues.all()[0]), "export.csv:3:1: error: `b` is its own `parent`");
}

const Import kNone{Source::kCsv, "csv", {}};

Merged imported(const Import& before, std::string text, Instant now) {
  return merge(before, Reading(Source::kCsv, std::move(text)).findings, now).value();
}

TEST(ImportTest, TheSameFileTwiceChangesNothing) {
  const auto first = imported(kNone, "id,kind\na,agent\nb,service\n", kMonday);
  EXPECT_THAT(first.difference.added, ElementsAre("csv:a", "csv:b"));
  const auto second =
      imported(parse_import(import_text(first.after)).value(), "id,kind\nb,service\na,agent\n", kTuesday);
  EXPECT_TRUE(second.difference.empty());
  EXPECT_EQ(second.difference.same, 2u);
  EXPECT_EQ(import_text(first.after), import_text(second.after));
}

TEST(ImportTest, WhatIsGoneStaysAndSaysSoAndMayComeBack) {
  const auto first = imported(kNone, "id,kind\na,agent\nb,service\n", kMonday);
  const auto second = imported(first.after, "id,kind\na,agent\n", kTuesday);
  EXPECT_THAT(second.difference.gone, ElementsAre("csv:b"));
  EXPECT_THAT(import_text(second.after), HasSubstr(R"("no_longer_seen":"2026-01-02")"));
  EXPECT_TRUE(imported(second.after, "id,kind\na,agent\n", kTuesday).difference.empty());
  const auto third = imported(second.after, "id,kind\na,agent\nb,service\n", kTuesday);
  EXPECT_THAT(third.difference.back, ElementsAre("csv:b"));
  EXPECT_THAT(import_text(third.after), Not(HasSubstr("no_longer_seen")));
}

TEST(ImportTest, AChangeNamesWhatChangedAndAKindCannot) {
  const auto first = imported(kNone, "id,kind,owner,grants\na,agent,nora,read\n", kMonday);
  const auto second = imported(first.after, "id,kind,owner,grants\na,agent,niklas,write\n", kTuesday);
  ASSERT_EQ(second.difference.changed.size(), 1u);
  EXPECT_THAT(second.difference.changed[0].what, ElementsAre("grants", "owner"));
  const auto other = merge(first.after, Reading(Source::kCsv, "id,kind\na,service\n").findings, kTuesday);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
}

TEST(ImportTest, WhatIsImportedIsRequestedAndSaysFromWhere) {
  const auto merged = imported(kNone, "id,kind,grants\na,agent,everything\n", kMonday);
  const auto identity = identity_of(merged.after.records.at("csv:a")).value();
  EXPECT_EQ(identity.configured_status, inventory::Status::kRequested);
  const auto& evidence = identity.evidence.if_array()->front();
  EXPECT_EQ(*evidence.find_string("source"), "csv");
  EXPECT_EQ(*evidence.find_string("file"), "export");
  EXPECT_EQ(*evidence.find_string("imported_at"), "2026-01-01");
  EXPECT_TRUE(identity.acts_for.empty());
}

TEST(ImportTest, IdsFitWhateverTheSourceCallsThem) {
  const auto merged = imported(
      kNone,
      "id,kind\n\"a b'\",agent\n" + std::string(500, 'x') + ",agent\n" + std::string(501, 'x') + ",agent\n",
      kMonday);
  EXPECT_EQ(merged.after.records.size(), 3u);
  EXPECT_TRUE(merged.after.records.contains("csv:a%20b%27"));
  for (const auto& [id, record] : merged.after.records) EXPECT_TRUE(inventory::valid_id(id)) << id;
}

TEST(ImportTest, MoreGrantsThanAreKeptAreCounted) {
  std::string grants;
  for (int i = 0; i < 250; ++i) grants += "grant " + std::to_string(i) + ";";
  const auto merged = imported(kNone, "id,kind,grants\na,agent," + grants + "\n", kMonday);
  EXPECT_THAT(import_text(merged.after), HasSubstr(R"("grants_left_out":50)"));
}

TEST(ImportTest, LinksAreSuggestedByEqualNamesAndNeverMade) {
  const auto one = merge({Source::kCsv, "one", {}},
                         Reading(Source::kCsv, "id,kind,client_id\nx,application,portal\n").findings, kMonday)
                       ->after;
  const auto two =
      merge({Source::kCsv, "two", {}},
            Reading(Source::kCsv, "id,kind,client_id\ny,application,portal\nz,agent,Portal\n").findings,
            kMonday)
          ->after;
  const std::vector<Listed> listed{{"portal", {"one:x"}}};
  const auto suggested = suggested_links(std::vector{one, two}, listed);
  EXPECT_THAT(suggested, ElementsAre(Suggestion{"portal", "two:y", "client:portal"}));
  EXPECT_THAT(suggested_links(std::vector{two, one}, listed), ElementsAre(suggested[0]));
  EXPECT_THAT(suggested_links(std::vector{one, two}, std::vector<Listed>{{"portal", {"one:x", "two:y"}}}),
              IsEmpty());
}

}  // namespace
}  // namespace writ::intake::intake_test
