// Each check: a world with the weakness planted has the finding, its twin with the fix applied has not.
#include "posture/checks.h"

#include <array>
#include <functional>
#include <gmock/gmock.h>
#include <regex>
#include <set>

#include "base/testing/folders.h"
#include "files/files.h"
#include "posture/testing/planted_world.h"

namespace writ::posture::checks_test {
namespace {

using testing::Looked;
using testing::PlantedWorld;

constexpr std::string_view kSecret =
    "$scrypt$ln=14,r=8,p=1$hyU25J647Z_kyc-7lI0w1A$GUI2Ex_nKXD_BCiaqWJEr_n1fQ3Uo4lJDHzfzZRXUsw";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(std::string::npos, at) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// A service in which nothing is wrong, with these keys beside.
std::string service(std::string_view more) {
  return fmt::format(
      "    - {{id: export, kind: service, owner: olga, review_by: 2027-06-30, environment: production, "
      "{}}}\n",
      more);
}
constexpr std::string_view kKey =
    "jwks_file: other.jwks.json, credentials: [{type: key, kid: other-1, created_at: 2026-09-01, expires_at: "
    "2027-09-01}]";
constexpr std::string_view kPermit =
    "@id(\"export-reads\") permit (principal == Writ::Service::\"export\", action == Shop::Action::\"read\", "
    "resource is Shop::Order) when { context has task };\n";

// It is used, bound and inside a task, and its policy is needed.
void add_service(PlantedWorld& world, std::string_view more = kKey) {
  world.identities += service(more);
  world.policies += kPermit;
  world.log_line(
      R"("time":"2026-11-21T09:00:00.000Z","type":"decision","point":"gateway","effect":"permit","subject":"export","client":"export","api":"shop","task":"t","policies":["export-reads"],"sender_bound":true)");
}

// The portal's, for the shop: made two months ago, good for another one.
inventory::ApiKey api_key(std::string id) {
  return {.id = std::move(id),
          .identity = "portal",
          .api = "shop",
          .digest = "d",
          .created_at = testing::kNow - std::chrono::days(60),
          .expires_at = testing::kNow + std::chrono::days(30),
          .made_by = "ops"};
}
void take_keys(PlantedWorld& world, std::vector<inventory::ApiKey> keys) {
  world.api_keys += "\n      api_keys: true";
  world.keys = std::move(keys);
}

struct Plant {
  std::string id;  // of the finding
  std::function<void(PlantedWorld&)> plant, mend;
};

void in_identities(PlantedWorld& world, std::string_view from, std::string_view to) {
  world.identities = replaced(world.identities, from, to);
}

const Plant kPlants[] = {
    {"no-owner:export",
     [](auto& world) {
       add_service(world);
       in_identities(world, "owner: olga, ", "");
     },
     [](auto& world) { in_identities(world, "kind: service, ", "kind: service, owner: olga, "); }},
    {"owner-gone:export",
     [](auto& world) {
       add_service(world);
       world.identities += "    - {id: oskar, kind: user, status: retired}\n";
       in_identities(world, "owner: olga", "owner: oskar");
     },
     [](auto& world) { in_identities(world, "owner: oskar", "owner: olga"); }},
    {"owner-not-listed:export",
     [](auto& world) {
       add_service(world);
       in_identities(world, "owner: olga", "owner: oskar");
     },
     [](auto& world) { world.identities += "    - {id: oskar, kind: user}\n"; }},
    {"stopped-with-credentials:old",
     [](auto& world) {
       world.identities += "    - {id: old, kind: service, status: retired, jwks_file: other.jwks.json}\n";
     },
     [](auto& world) { in_identities(world, ", jwks_file: other.jwks.json", ""); }},
    {"dormant-identity:export",
     [](auto& world) {
       add_service(world);
       world.log[2] = replaced(world.log[2], "2026-11-21", "2026-07-02");
     },
     [](auto& world) {
       world.log_line(
           R"("time":"2026-11-25T09:00:00.000Z","type":"identity.suspended","actor":"ops","object":"export")");
     }},
    {"review-overdue:export",
     [](auto& world) {
       add_service(world);
       in_identities(world, "2027-06-30", "2026-06-30");
     },
     [](auto& world) { in_identities(world, "2026-06-30", "2027-06-30"); }},
    {"never-reviewed:export",
     [](auto& world) {
       add_service(world);
       in_identities(world, "review_by: 2027-06-30, ", "");
     },
     [](auto& world) { in_identities(world, "kind: service, ", "kind: service, review_by: 2027-06-30, "); }},
    {"third-party:helper",
     [](auto& world) {
       world.identities +=
           "    - {id: helper, kind: agent, sponsor: olga, provider: others-ai, reviewed_at: 2026-10-01, "
           "created_at: "
           "2026-10-01}\n";
     },
     [](auto& world) { in_identities(world, "reviewed_at", "expires_at: 2027-01-31, reviewed_at"); }},
    {"person-behind-machine:export",
     [](auto& world) {
       add_service(world);
       world.log_line(
           R"("time":"2026-11-22T09:00:00.000Z","type":"decision","point":"api","effect":"permit","subject":"export","client":"export","api":"writ","action":"Writ::Action::\"manage-inventory\"","task":"t","sender_bound":true)");
     },
     [](auto& world) {
       world.log.back() = replaced(world.log.back(), R"("subject":"export")", R"("subject":"olga")");
     }},
    {"shared-credential:portal",
     [](auto& world) {
       add_service(world, replaced(std::string(kKey), "other.jwks.json", "portal.jwks.json"));
     },
     [](auto& world) { in_identities(world, "portal.jwks.json", "other.jwks.json"); }},
    {"shared-credential:export",
     [](auto& world) {
       add_service(
           world,
           replaced(
               std::string(kKey), "credentials: [",
               "credentials: [{type: password, id: db, created_at: 2026-09-01, expires_at: 2027-09-01}, "));
       world.identities +=
           "    - {id: import, kind: service, owner: olga, review_by: 2027-06-30, environment: production, "
           "credentials: [{type: password, id: db, created_at: 2026-09-01, expires_at: 2027-09-01}]}\n";
     },
     [](auto& world) { in_identities(world, "type: password, id: db", "type: password, id: own"); }},
    {"two-environments:portal",
     [](auto& world) {
       add_service(world, replaced(std::string(kKey), "other.jwks.json", "portal.jwks.json"));
       in_identities(world, "environment: production", "environment: test");
     },
     [](auto& world) { in_identities(world, "portal.jwks.json", "other.jwks.json"); }},
    {"bearer-secret:export",
     [](auto& world) {
       add_service(world,
                   fmt::format("secret_hash: \"{}\", credentials: [{{type: secret, created_at: 2026-09-01, "
                               "expires_at: 2027-09-01}}]",
                               kSecret));
     },
     [](auto& world) { world.identities = service(kKey); }},
    {"unbound-tokens:export",
     [](auto& world) {
       add_service(world);
       world.log[2] = replaced(world.log[2], R"(,"sender_bound":true)", "");
     },
     [](auto& world) { world.log[2] += R"(,"sender_bound":true)"; }},
    {"machine-password:export",
     [](auto& world) {
       add_service(
           world,
           replaced(
               std::string(kKey), "credentials: [",
               "credentials: [{type: password, id: db, created_at: 2026-09-01, expires_at: 2027-09-01}, "));
     },
     [](auto& world) { world.identities = service(kKey); }},
    {"ageing-credential:export",
     [](auto& world) { add_service(world, replaced(std::string(kKey), "2026-09-01", "2025-09-01")); },
     [](auto& world) { in_identities(world, "2025-09-01", "2026-09-01"); }},
    {"endless-credential:export",
     [](auto& world) { add_service(world, replaced(std::string(kKey), ", expires_at: 2027-09-01", "")); },
     [](auto& world) { world.identities = service(kKey); }},
    {"secret-file:deploy.pem",
     [](auto& world) {
       world.files = {{"deploy.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}};
     },
     [](auto& world) { world.files.clear(); }},
    {"issuer-not-pinned:https://idp.example",
     [](auto& world) {
       world.top +=
           "trusted_issuers:\n  - issuer: https://idp.example\n    audience: http://127.0.0.1:8180\n    "
           "jwks_file: "
           "other.jwks.json\n";
     },
     [](auto& world) { world.top += "    tenants: [north]\n"; }},
    {"workload-not-pinned:runner",
     [](auto& world) {
       world.top +=
           "trusted_issuers:\n  - {issuer: \"https://ci.example\", workloads: github, jwks_file: "
           "other.jwks.json}\n";
       world.identities +=
           "    - {id: runner, kind: service, owner: olga, review_by: 2027-06-30, environment: production, "
           "created_at: 2026-10-01, workload: [{issuer: \"https://ci.example\", claims: {repository_id: "
           "\"74\", environment: production, ref_protected: true}}]}\n";
     },
     [](auto& world) { in_identities(world, "ref_protected: true}}]", "ref: refs/heads/main}}]"); }},
    {"chain-too-deep:max_chain", [](auto& world) { world.top = "limits: {max_chain: 4}\n"; },
     [](auto& world) { world.top = "limits:\n  max_chain: 1\n"; }},
    {"acts-for-anyone:helper",
     [](auto& world) {
       world.identities +=
           "    - {id: helper, kind: agent, sponsor: olga, provider: others-ai, expires_at: 2027-01-31, "
           "created_at: "
           "2026-10-01, acts_for: [users]}\n";
     },
     [](auto& world) { in_identities(world, "acts_for: [users]", "acts_for: [olga]"); }},
    {"long-tokens:tokens.lifetime_seconds",
     [](auto& world) { world.top += "tokens: {lifetime_seconds: 3600}\n"; },
     [](auto& world) { world.top = replaced(world.top, "3600", "300"); }},
    {"plain-transport:listen.api", [](auto& world) { world.listen = "listen: {api: \"192.0.2.1:8180\"}\n"; },
     [](auto& world) { world.listen = "listen: {api: \"127.0.0.1:8180\"}\n"; }},
    {"plain-transport:shop", [](auto& world) { world.api_keys = "upstream: http://shop.internal:80"; },
     [](auto& world) { world.api_keys = "upstream: https://shop.internal"; }},
    {"audit-not-durable:audit.mode", [](auto& world) { world.top += "audit: {mode: buffered}\n"; },
     [](auto& world) { world.top = replaced(world.top, "buffered", "durable"); }},
    {"wildcard-permit:any",
     [](auto& world) {
       world.policies += "@id(\"any\") permit (principal, action, resource) when { context has task };\n";
       world.log[1] = replaced(world.log[1], "portal-reads", "portal-reads\",\"any");
     },
     [](auto& world) {
       world.policies =
           replaced(world.policies, "(principal, action, resource)",
                    "(principal is Writ::User, action == Shop::Action::\"read\", resource is Shop::Order)");
     }},
    {"standing-privilege:export",
     [](auto& world) {
       add_service(world);
       world.policies = replaced(world.policies, " when { context has task }", "");
     },
     [](auto& world) {
       world.policies =
           replaced(world.policies, "\"export\", action == Shop::Action::\"read\", resource is Shop::Order)",
                    "\"export\", action == Shop::Action::\"read\", resource is Shop::Order) when { context "
                    "has task }");
     }},
    {"dead-permit:gone",
     [](auto& world) {
       world.policies +=
           "@id(\"gone\") permit (principal == Writ::Service::\"gone\", action == Shop::Action::\"read\", "
           "resource is Shop::Order);\n";
       world.log[1] = replaced(world.log[1], "portal-reads", "portal-reads\",\"gone");
     },
     [](auto& world) { world.policies = PlantedWorld().policies; }},
    {"unused-permit:export-reads",
     [](auto& world) {
       add_service(world);
       world.log[2] = replaced(world.log[2], R"("export-reads")", R"("portal-reads")");
     },
     [](auto& world) { world.policies = PlantedWorld().policies; }},
    {"hidden-claim:no-export",
     [](auto& world) {
       world.policies +=
           "@id(\"no-export\") forbid (principal, action, resource) when { context has purpose && "
           "context.purpose == \"export\" };\n";
     },
     [](auto& world) {
       world.policies =
           replaced(world.policies, "when { context has purpose && context.purpose == \"export\" }",
                    "unless { context has purpose && context.purpose != \"export\" }");
     }},
    {"route-not-tested:GET /orders/{order}", [](auto& world) { world.tests.clear(); },
     [](auto& world) { world.tests = PlantedWorld().tests; }},
    {"api-cannot-tell:shop/read/Shop::Order",
     [](auto& world) {
       // Without owners and dates, of which nobody could prove that they make no difference.
       world.portal = "    - {id: portal, kind: application, acts_for: [users]}\n";
       world.identities = "    - {id: kiosk, kind: application, acts_for: [users]}\n";
       world.policies = replaced(world.policies, "principal == Writ::Application::\"portal\"",
                                 "principal is Writ::Application");
     },
     [](auto& world) {
       world.policies = replaced(world.policies, "principal is Writ::Application",
                                 "principal == Writ::Application::\"portal\"");
     }},
    {"api-key:portal", [](auto& world) { take_keys(world, {api_key("a")}); },
     [](auto& world) { world.keys->front().revoked_at = testing::kNow; }},
    {"only-observed:shop", [](auto& world) { world.api_keys += "\n      enforce: false"; },
     [](auto& world) { world.api_keys = PlantedWorld().api_keys; }},
};

TEST(PostureChecks, NothingIsFoundInACleanWorldAndEveryCheckSaysSo) {
  const Looked looked{PlantedWorld()};
  EXPECT_THAT(looked.ids(), ::testing::ElementsAre());
  for (const Check& check : checks()) EXPECT_EQ("clean", looked.state(check.id)) << check.id;
}

TEST(PostureChecks, EachPlantedWeaknessIsFoundAndItsTwinWithTheFixIsNot) {
  for (const Plant& each : kPlants) {
    SCOPED_TRACE(each.id);
    PlantedWorld world;
    each.plant(world);
    const Looked planted(world);
    const auto* weakness = planted.find(each.id);
    if (weakness == nullptr) {
      ADD_FAILURE() << "found instead: " << ::testing::PrintToString(planted.ids());
      continue;
    }
    EXPECT_FALSE(weakness->evidence.empty());
    EXPECT_FALSE(weakness->remedy.what.empty());
    const auto& remedy = weakness->remedy;
    EXPECT_NE(remedy.by_hand.empty(), remedy.command.empty() && remedy.patch.empty());
    each.mend(world);
    EXPECT_EQ(nullptr, Looked(world).find(each.id));
  }
}

TEST(PostureChecks, EveryCheckIsPlantedAtLeastOnce) {
  std::set<std::string, std::less<>> planted;
  for (const Plant& each : kPlants) planted.insert(each.id.substr(0, each.id.find(':')));
  for (const Check& check : checks()) EXPECT_TRUE(planted.contains(check.id)) << check.id;
}

TEST(PostureChecks, WhatNobodyCouldProveAlikeOrApartIsNotComputableAndNotClean) {
  PlantedWorld world;
  // An owner is an entity that policies may compare with, so the two are not proved equal.
  world.identities = replaced(
      replaced(replaced(world.portal, "id: portal", "id: kiosk"), "portal.jwks.json", "other.jwks.json"),
      "portal-1", "other-1");
  world.policies = replaced(world.policies, "principal == Writ::Application::\"portal\"",
                            "principal is Writ::Application");
  EXPECT_EQ("not computable", Looked(world).state("api-cannot-tell"));
}

TEST(PostureChecks, WithoutALogWhatNeedsOneIsNotComputableAndSaysWhy) {
  PlantedWorld world;
  world.with_log = false;
  const Looked looked(world);
  EXPECT_THAT(looked.ids(), ::testing::ElementsAre());
  for (const auto check : {"dormant-identity", "unbound-tokens", "unused-permit", "person-behind-machine"})
    EXPECT_EQ("not computable", looked.state(check)) << check;
}

TEST(PostureChecks, AnIssuerOfWorkloadsSpeaksForNoTenantAndNeedsNone) {
  PlantedWorld world;
  world.top +=
      "trusted_issuers:\n  - {issuer: \"https://ci.example\", workloads: github, jwks_file: "
      "other.jwks.json}\n";
  EXPECT_THAT(Looked(world).ids("issuer-not-pinned"), ::testing::ElementsAre());
}

TEST(PostureChecks, AnIssuerThatIsNotPinnedSaysHowManyOfItsRulesAreOpen) {
  PlantedWorld world;
  world.top += "trusted_issuers:\n  - {issuer: \"https://idp.example\", jwks_file: other.jwks.json}\n";
  EXPECT_THAT(Looked(world).find("issuer-not-pinned:https://idp.example")->what,
              ::testing::EndsWith("1 of its rules is open"));
}

TEST(PostureChecks, APermitForWhatIsRetiredSaysWhereItStands) {
  PlantedWorld world;
  add_service(world, "status: retired");
  const Looked looked(world);
  const auto& evidence = looked.find("dead-permit:export-reads")->evidence;
  EXPECT_THAT(evidence.front().fact, ::testing::EndsWith("which is retired"));
  EXPECT_THAT(evidence.front().place.file, ::testing::EndsWith("p.cedar"));
  EXPECT_THAT(evidence.back().place.file, ::testing::EndsWith("writ.yaml"));
}

TEST(PostureChecks, EachPlatformsRulesAreLookedAtForWhatTheyLeaveOpen) {
  const auto found = [](std::string_view platform, std::string_view claims) {
    PlantedWorld world;
    world.top += fmt::format(
        "trusted_issuers:\n  - {{issuer: \"https://ci.example\", workloads: {}, jwks_file: "
        "other.jwks.json}}\n",
        platform);
    world.identities += fmt::format(
        "    - {{id: runner, kind: service, workload: [{{issuer: \"https://ci.example\", claims: {}}}]}}\n",
        claims);
    return !Looked(world).ids("workload-not-pinned").empty();
  };
  EXPECT_TRUE(found("kubernetes", "{kubernetes.io: {namespace: billing, serviceaccount: {name: a}}}"));
  EXPECT_FALSE(
      found("kubernetes", "{kubernetes.io: {namespace: billing, serviceaccount: {name: a, uid: b}}}"));
  EXPECT_TRUE(found("github", "{repository: a/b, repository_owner_id: \"7\", ref: refs/heads/main}"));
  EXPECT_FALSE(found("github", "{repository_id: \"7\", ref: refs/heads/main}"));
  EXPECT_FALSE(found("gitlab", "{project_id: \"7\", environment: p, environment_protected: \"true\"}"));
  EXPECT_FALSE(found("gitlab", "{project_id: \"7\", ref: main, ref_protected: \"true\"}"));
}

TEST(PostureChecks, AnApiKeyThatIsOverIsNotLookedAt) {
  PlantedWorld world;
  auto expired = api_key("a");
  expired.expires_at = testing::kNow;
  take_keys(world, {expired});
  EXPECT_THAT(Looked(world).ids("api-key"), ::testing::ElementsAre());
}

TEST(PostureChecks, AnApiKeyThatNobodyUsesWeighsMore) {
  PlantedWorld world;
  world.portal = replaced(world.portal, "jwks_file: portal.jwks.json, ", "");
  world.portal = replaced(world.portal,
                          ", credentials: [{type: key, kid: portal-1, created_at: 2026-09-01, expires_at: "
                          "2027-09-01}]",
                          "");
  auto used = api_key("a"), unused = api_key("b");
  used.last_used_at = testing::kNow - std::chrono::days(1);
  unused.last_used_at = testing::kNow - std::chrono::days(91);
  take_keys(world, {used, unused});
  const Looked looked(world);
  ASSERT_NE(looked.find("api-key:portal"), nullptr);
  ASSERT_NE(looked.find("api-key:portal#2"), nullptr);
  EXPECT_EQ(Weight::kLow, looked.find("api-key:portal")->weight);
  EXPECT_EQ(Weight::kMedium, looked.find("api-key:portal#2")->weight);
  EXPECT_THAT(looked.find("api-key:portal#2")->what, ::testing::HasSubstr("for 91 days"));
}

TEST(PostureChecks, WhoeverHasAKeyPairNeedsNoApiKey) {
  PlantedWorld world;
  auto key = api_key("a");
  key.last_used_at = testing::kNow;
  take_keys(world, {key});
  const Looked looked(world);
  ASSERT_NE(looked.find("api-key:portal"), nullptr);
  EXPECT_EQ(Weight::kMedium, looked.find("api-key:portal")->weight);
  EXPECT_THAT(looked.find("api-key:portal")->what,
              ::testing::HasSubstr("a credential that cannot be copied"));
}

TEST(PostureChecks, WithoutTheDatabaseNobodyCanTellOfApiKeys) {
  PlantedWorld world;
  take_keys(world, {});
  EXPECT_EQ("clean", Looked(world).state("api-key"));
  world.keys.reset();
  EXPECT_EQ("not computable", Looked(world).state("api-key"));
  world.api_keys = PlantedWorld().api_keys;
  EXPECT_EQ("clean", Looked(world).state("api-key")) << "no API takes any";
}

TEST(PostureChecks, AShortLogNeverMakesAnIdentityDormant) {
  PlantedWorld world;
  add_service(world);
  world.log = {world.log[1]};
  const Looked looked(world);
  EXPECT_THAT(looked.ids("dormant-identity"), ::testing::ElementsAre());
  EXPECT_EQ("not computable", looked.state("dormant-identity"));
}

TEST(PostureChecks, AStandingPrivilegeIsOnlyTheirsWhomAConditionNames) {
  const auto standing = [](std::string_view condition, std::string_view more = kKey) {
    PlantedWorld world;
    add_service(world, more);
    world.policies += fmt::format(
        "@id(\"batches\") permit (principal is Writ::Service, action == Shop::Action::\"read\", resource is "
        "Shop::Order) when {{ {} }};\n",
        condition);
    return Looked(world).ids("standing-privilege").size();
  };
  for (const auto* names_it :
       {R"([Writ::Service::"batch", Writ::Service::"export"].contains(principal))",
        R"(principal == Writ::Service::"export")", R"(Writ::Service::"batch" == principal || resource.open)",
        R"(!(principal == Writ::Service::"batch"))", "principal is Writ::Service"})
    EXPECT_EQ(1u, standing(names_it)) << names_it;
  for (const auto* names_others :
       {R"([Writ::Service::"batch"].contains(principal))",
        R"(principal == Writ::Service::"batch" && resource.open)", R"(principal in Writ::Group::"batches")",
        "principal is Writ::Agent", "context has user", "false"})
    EXPECT_EQ(0u, standing(names_others)) << names_others;
  // Who acts for users may have one.
  EXPECT_EQ(1u, standing("context has user", std::string(kKey) + ", acts_for: [users]"));
}

// Of a group of actions, the actions below it are what counts.
TEST(PostureChecks, APermitForAGroupOfActionsIsNotDead) {
  PlantedWorld world;
  world.with_policies = ", schemas: [s.cedarschema]";
  world.files = {
      {"s.cedarschema",
       "namespace Shop { entity Order = { customer?: Writ::User }; action \"any-read\"; action \"read\" in "
       "[\"any-read\"] appliesTo { principal: [Writ::User, Writ::Application], resource: [Order] }; }"}};
  world.policies +=
      "@id(\"group\") permit (principal is Writ::User, action in [Shop::Action::\"any-read\"], resource is "
      "Shop::Order) when { context has task };\n";
  EXPECT_THAT(Looked(world).ids("dead-permit"), ::testing::ElementsAre());
}

TEST(PostureChecks, AnIdentityThatWasMadeOverTheApiIsLookedAt) {
  PlantedWorld world;
  world.log_line(
      R"("time":"2026-08-01T09:00:00.000Z","type":"identity.created","actor":"ops","object":"added","detail":"{\"id\":\"added\",\"kind\":\"service\"}")");
  const Looked looked(world);
  EXPECT_THAT(looked.ids("no-owner"), ::testing::ElementsAre("no-owner:added"));
  EXPECT_THAT(looked.ids("dormant-identity"), ::testing::ElementsAre("dormant-identity:added"));
  EXPECT_EQ("not computable", looked.state("bearer-secret"));
}

TEST(PostureChecks, ARecordThatIsNoneIsRefusedWithItsPlace) {
  std::vector<audit::Part> parts{{"/nowhere/audit.log", {}}};
  EXPECT_FALSE(UseSeen::read(parts, Instant::min(), testing::kNow).has_value());
}

TEST(Standards, IdsAreWellFormedUniqueAndEveryCheckHasSome) {
  const std::regex forms(
      "NHI([1-9]|10):2025|PR\\.AA-05|SP 800-207 tenet [346]|AC-(3\\(7\\)|4|6)|ASI(0[1-9]|10)|"
      "MCP(0[1-9]|10):2025|API([1-9]|10):2023|PP-26-1834 [A-Z][a-z -]+");
  std::set<std::string_view> ids;
  for (const Standard& each : standards()) {
    EXPECT_TRUE(std::regex_match(std::string(each.id), forms)) << each.id;
    EXPECT_TRUE(ids.insert(each.id).second) << each.id;
    EXPECT_FALSE(each.title.empty());
    EXPECT_TRUE(each.source.starts_with("https://")) << each.source;
  }
  for (const Check& check : checks()) {
    EXPECT_FALSE(check.standards.empty()) << check.id;
    for (const auto id : check.standards) EXPECT_NE(nullptr, find_standard(id)) << check.id << " " << id;
  }
}

// What the sources say stands in a file of its own, read from them once and with where it was read.
TEST(Standards, EveryIdAndTitleIsAsItsSourceSaysIt) {
  const auto text = files::read_file(source_path("/tests/cases/posture/standards.json"), 1 << 20);
  ASSERT_TRUE(text.has_value());
  const auto json = codec::parse_json(*text);
  ASSERT_TRUE(json.has_value());
  std::map<std::string, std::array<std::string, 3>, std::less<>> said;  // title, document and URL
  std::set<std::string> whole;  // ids of lists that are read to their end
  for (const auto& source : *json->find("sources")->if_array()) {
    for (const auto& [id, title] : *source.find("titles")->if_object()) {
      said[id] = {*title.if_string(), *source.find_string("document"), *source.find_string("url")};
      if (*source.find("whole")->if_bool()) whole.insert(id);
    }
  }
  for (const Standard& each : standards()) {
    const auto found = said.find(each.id);
    ASSERT_NE(said.end(), found) << each.id;
    EXPECT_EQ(found->second[0], each.title) << each.id;
    EXPECT_EQ(found->second[1], each.document) << each.id;
    EXPECT_EQ(found->second[2], each.source) << each.id;
    whole.erase(std::string(each.id));
  }
  EXPECT_TRUE(whole.empty()) << "the table lacks `" << *whole.begin() << "`";
}

TEST(Standards, FindingsPointToEveryDocumentOfTheTable) {
  std::set<std::string_view> documents, used;
  for (const Standard& each : standards()) documents.insert(each.document);
  for (const Check& check : checks())
    for (const auto id : check.standards) used.insert(find_standard(id)->document);
  EXPECT_EQ(documents, used);
  EXPECT_TRUE(standards_of("no-such-check").empty());
}

TEST(Standards, EachOfTheNonHumanIdentityRisksIsLookedFor) {
  std::set<std::string_view> looked_for;
  for (const Check& check : checks()) looked_for.insert(check.standards.begin(), check.standards.end());
  for (const Standard& each : standards()) {
    if (each.id.starts_with("NHI")) {
      EXPECT_TRUE(looked_for.contains(each.id)) << each.id;
    }
  }
}

TEST(Standards, OverPrivilegeIsNhi5AndCsfIsOf20) {
  EXPECT_EQ("Overprivileged NHI", find_standard("NHI5:2025")->title);
  EXPECT_EQ("NIST Cybersecurity Framework 2.0", find_standard("PR.AA-05")->document);
  EXPECT_EQ(nullptr, find_standard("PR.AC-4"));
}

}  // namespace
}  // namespace writ::posture::checks_test
