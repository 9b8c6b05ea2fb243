// Reading `accept`, `profile`, `facts` and tenants of a provider: what is understood, and what is an error.
#include "config/accept.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "jose/jwk.h"
#include "oauth/token_asker.h"

namespace writ::config::accept_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// A configuration with one issuer of these lines: what is said of it.
std::optional<Config> read(std::string_view issuer, std::string& said) {
  files::Issues issues;
  auto config =
      parse_config(fmt::format("version: 1\nissuer: https://writ.example\nlisten: {{api: \"127.0.0.1:1\"}}\n"
                               "policies: {{files: [p]}}\ninventory:\n"
                               "  identities: [{{id: portal, kind: application}}, {{id: nora, kind: user}}]\n"
                               "  apis: [{{id: invoices, audience: \"https://i\", actions: [read]}},"
                               " {{id: mail, audience: \"https://m\", actions: [read]}}]\n"
                               "trusted_issuers:\n{}\n",
                               issuer),
                   std::filesystem::path(::testing::TempDir()) / "writ.yaml", issues);
  for (const auto& issue : issues.all()) said += render(issue) + "\n";
  return config;
}
std::string issues_of(std::string_view issuer) {
  std::string said;
  (void)read(issuer, said);
  return said;
}
std::vector<oauth::TrustedIssuer> issuers_of(std::string_view issuer) {
  std::string said;
  auto config = read(issuer, said);
  EXPECT_TRUE(config) << said;
  EXPECT_EQ(said, "");
  return config ? std::move(config->trusted_issuers) : std::vector<oauth::TrustedIssuer>();
}
// An issuer that an API accepts, with these lines more, and these in its `accept`.
std::string accepting(std::string_view accept, std::string_view more = "") {
  return fmt::format("  - issuer: https://idp.example\n{}    accept:\n      - {{{}}}\n", more, accept);
}
constexpr std::string_view kGood =
    "api: invoices, audiences: [\"api://i\"], kinds: [delegated], clients: {web: portal}";

TEST(AcceptConfig, IsReadAsItStands) {
  const auto issuers = issuers_of(accepting(
      "api: invoices, audiences: [\"api://i\", \"api://j\"], kinds: [delegated, app_only], tenants: [north], "
      "clients: {web: portal, old-web: portal}, max_lifetime_seconds: 900"));
  ASSERT_EQ(issuers.size(), 1u);
  ASSERT_EQ(issuers[0].accept.size(), 1u);
  const auto& accept = issuers[0].accept[0];
  EXPECT_EQ(accept.api, "invoices");
  EXPECT_THAT(accept.audiences, ElementsAre("api://i", "api://j"));
  EXPECT_TRUE(accept.delegated && accept.app_only);
  EXPECT_THAT(accept.clients, ElementsAre(Pair("old-web", "portal"), Pair("web", "portal")));
  EXPECT_EQ(accept.tenants, std::vector<std::string>{"north"});
  EXPECT_EQ(accept.max_lifetime, 900s);
  EXPECT_EQ(issuers_of(accepting(kGood))[0].accept[0].max_lifetime, 2h);
  EXPECT_EQ(issuers_of(accepting(kGood))[0].access_subject, "sub");
  EXPECT_TRUE(issuers_of(accepting(kGood))[0].access_tenant.empty()) << "nobody said which claim it is";
}

TEST(AcceptConfig, WhatIsMissingOrUnknownIsAnError) {
  for (const auto* key : {"api", "audiences", "kinds", "clients"})
    EXPECT_THAT(issues_of(accepting("")), HasSubstr(key));
  const auto with = [](std::string_view from, std::string_view to) {
    std::string accept(kGood);
    return issues_of(accepting(accept.replace(accept.find(from), from.size(), to)));
  };
  EXPECT_THAT(with("invoices", "invoice"), HasSubstr("there is no API `invoice`"));
  EXPECT_EQ(with("invoices", "writ"), "");
  EXPECT_THAT(with("delegated", "users"), HasSubstr("`users` is not a kind of token"));
  EXPECT_THAT(with("web: portal", "web: nora"), HasSubstr("`nora` is a user"));
  EXPECT_THAT(with("web: portal", "web: nobody"), HasSubstr("`nobody`, which is not an identity"));
  EXPECT_THAT(issues_of(accepting(std::string(kGood) + ", max_lifetime_seconds: 86401")),
              HasSubstr("max_lifetime_seconds"));
  EXPECT_THAT(issues_of(accepting(std::string(kGood) + ", tenants: [south]", "    tenants: [north]\n")),
              HasSubstr("does not speak for tenant `south`"));
  EXPECT_THAT(issues_of(accepting(kGood, "    profile: keycloack\n")), HasSubstr("one of keycloak, entra"));
  EXPECT_THAT(issues_of(accepting(kGood, "    profile: google\n")), HasSubstr("no `delegated` tokens"));
}

TEST(AcceptConfig, ALinkJoinsAProvidersUserToOneThatIsListed) {
  const auto with = [](std::string_view links) {
    return fmt::format("  - issuer: https://idp.example\n    subject_prefix: \"idp:\"\n    links: {}\n",
                       links);
  };
  const auto issuers = issuers_of(with("{nora.nord: nora, n.nord: nora}"));
  ASSERT_EQ(issuers.size(), 1u);
  EXPECT_THAT(issuers[0].links, ElementsAre(Pair("n.nord", "nora"), Pair("nora.nord", "nora")));
  std::string said;
  const auto config = read(with("{nora.nord: nora}"), said);
  ASSERT_TRUE(config) << said;
  EXPECT_THAT(user_links(*config), ElementsAre(Pair("idp:nora.nord", "nora")));
  EXPECT_THAT(issues_of(with("{nora.nord: portal}")), HasSubstr("`portal` is not a user"));
  EXPECT_THAT(issues_of(with("{nora.nord: nobody}")), HasSubstr("`nobody` is not a user"));
  EXPECT_THAT(issues_of(with("[nora]")), HasSubstr("`links` must be a map"));
  EXPECT_THAT(issues_of("  - issuer: https://idp.example/{tenantid}\n    profile: entra\n    tenants: [a]\n"
                        "    subject_prefix: \"e:{tenantid}:\"\n    links: {x: nora}\n"),
              HasSubstr("`links` is for one issuer"));
}

TEST(AcceptConfig, GroupsOfTwoIssuersThatPoliciesCannotTellApartAreWarnedOf) {
  const auto two = [](std::string_view one, std::string_view other) {
    return issues_of(
        fmt::format("  - {{issuer: \"https://a.example\", tenants: [], facts: [groups]{}}}\n"
                    "  - {{issuer: \"https://b.example\", tenants: [], subject_prefix: \"b:\", "
                    "facts: [groups]{}}}\n",
                    one, other));
  };
  EXPECT_THAT(two("", ""), HasSubstr("policies cannot tell the `groups` of `https://b.example`"));
  EXPECT_THAT(two("", ", group_prefix: \"b:\""), HasSubstr("policies cannot tell the `groups`"));
  EXPECT_THAT(two(", group_prefix: \"b\"", ", group_prefix: \"b:\""),
              HasSubstr("none may begin with another"));
  EXPECT_EQ(two(", group_prefix: \"a:\"", ", group_prefix: \"b:\""), "");
}

TEST(AcceptConfig, AnAudienceOfTwoApisOrAnApiTwiceIsAnError) {
  const auto two = [](std::string_view api, std::string_view audience) {
    return issues_of(accepting(kGood) +
                     fmt::format("      - {{api: {}, audiences: [\"{}\"], kinds: [delegated], "
                                 "clients: {{web: portal}}}}\n",
                                 api, audience));
  };
  EXPECT_EQ(two("mail", "api://m"), "");
  EXPECT_THAT(two("mail", "api://i"),
              HasSubstr("`api://i` is an audience of two APIs, `invoices` and `mail`"));
  EXPECT_THAT(two("invoices", "api://k"), HasSubstr("has API `invoices` twice"));
}

TEST(AcceptConfig, TheAudienceOfAnotherApiIsAnError) {
  const auto with = [](std::string_view api, std::string_view audience) {
    return issues_of(accepting(fmt::format(
        "api: {}, audiences: [\"{}\"], kinds: [delegated], clients: {{web: portal}}", api, audience)));
  };
  EXPECT_THAT(with("invoices", "https://m"),
              HasSubstr("`https://m` is the audience of API `mail`, not of `invoices`"));
  EXPECT_THAT(with("writ", "https://m"), HasSubstr("`https://m` is the audience of API `mail`"));
  EXPECT_EQ(with("invoices", "https://i"), "");
}

TEST(AcceptConfig, AProfileNamesTheClaimsAndTheConfigurationOverridesIt) {
  const auto okta = issuers_of(accepting(kGood, "    profile: okta\n"))[0];
  EXPECT_EQ(okta.access_subject, "uid");
  EXPECT_EQ(okta.mapping.subject, "sub");
  const auto other =
      issuers_of(accepting(kGood, "    profile: okta\n    claims: {subject: login, tenant: [org, id]}\n"))[0];
  EXPECT_EQ(other.access_subject, "login");
  EXPECT_EQ(other.mapping.subject, "login");
  EXPECT_EQ(other.access_tenant.text(), "org.id");
}

TEST(AcceptConfig, FactsAreThoseOfTheProfileOrNamed) {
  const auto keycloak = issuers_of(accepting(kGood, "    profile: keycloak\n    facts: [roles]\n"))[0];
  EXPECT_EQ(keycloak.facts.at("roles").text(), "realm_access.roles");
  const auto named = issuers_of(accepting(
      kGood,
      "    profile: keycloak\n    facts: {roles: [resource_access, i, roles], groups: \"https://a/b.c\"}\n"))
      [0];
  EXPECT_EQ(named.facts.at("roles").text(), "resource_access.i.roles");
  EXPECT_EQ(named.facts.at("groups"), "https://a/b.c") << "one name, as it stands";
  EXPECT_THAT(issues_of(accepting(kGood, "    facts: [department]\n")), HasSubstr("is not a fact of users"));
  EXPECT_THAT(issues_of(accepting(kGood, "    facts: {department: d}\n")),
              HasSubstr("is not a fact of users"));
  EXPECT_THAT(issues_of(accepting(kGood, "    profile: okta\n    facts: [roles]\n")),
              HasSubstr("have no `roles`"));
  EXPECT_THAT(issues_of(accepting(kGood, "    facts: {roles: []}\n")),
              HasSubstr("is not the way to a claim"));
}

// Entra's template.

TEST(AcceptConfig, AnIssuerForEachTenantIsOneForEachTenant) {
  const auto issuers = issuers_of(
      "  - issuer: https://login.example/{tenantid}/v2.0\n    profile: entra\n"
      "    subject_prefix: \"e:{tenantid}:\"\n    tenants: {t-1: north, t-2: south}\n    accept:\n"
      "      - {api: invoices, audiences: [a], kinds: [app_only], clients: {web: portal}, tenants: "
      "[north]}\n");
  ASSERT_EQ(issuers.size(), 2u);
  EXPECT_EQ(issuers[0].issuer, "https://login.example/t-1/v2.0");
  EXPECT_EQ(issuers[0].subject_prefix, "e:t-1:");
  EXPECT_EQ(issuers[0].tenants, std::vector<std::string>{"north"});
  EXPECT_EQ(issuers[0].tenant_of("t-1"), "north");
  EXPECT_EQ(issuers[0].tenant_of("t-2"), "t-2") << "another tenant's name means nothing to it";
  EXPECT_EQ(issuers[0].access_subject, "oid");
  EXPECT_EQ(issuers[1].issuer, "https://login.example/t-2/v2.0");
  EXPECT_EQ(issuers[1].accept[0].tenants, std::vector<std::string>{}) << "none of its tenants is among them";
}

TEST(AcceptConfig, AnIssuerForEachTenantNeedsThemAndAPrefixForEach) {
  const auto with = [](std::string_view more) {
    return issues_of(
        fmt::format("  - issuer: https://login.example/{{tenantid}}/v2.0\n    profile: entra\n{}", more));
  };
  EXPECT_THAT(with(""), HasSubstr("needs `tenants`"));
  EXPECT_THAT(with("    tenants: []\n"), HasSubstr("needs `tenants`"));
  EXPECT_THAT(with("    tenants: [t-1, t-2]\n"), HasSubstr("could name each other's users"));
  EXPECT_THAT(with("    tenants: [\"../common\"]\n"), HasSubstr("cannot stand in a URL"));
  std::string many = "    subject_prefix: \"{tenantid}:\"\n    tenants: [";
  for (int i = 0; i < 65; ++i) many += fmt::format("{}t-{:03}", i == 0 ? "" : ", ", i);
  EXPECT_THAT(with(many + "]\n"), HasSubstr("1 to 64 of them"));
  EXPECT_THAT(issues_of("  - {issuer: \"https://login.example/{tenantid}\", tenants: [a]}\n"),
              HasSubstr("nothing says which claim is the tenant"));
}

// An issuer that tells when sessions are over.

TEST(LogoutConfig, SaysForWhomLogoutTokensAre) {
  const auto issuers =
      issuers_of("  - issuer: https://idp.example\n    logout: {audiences: [portal, web]}\n");
  ASSERT_EQ(issuers.size(), 1u);
  ASSERT_TRUE(issuers[0].logout);
  EXPECT_THAT(issuers[0].logout->audiences, ElementsAre("portal", "web"));
  EXPECT_FALSE(issuers_of("  - issuer: https://idp.example\n")[0].logout);
}

TEST(LogoutConfig, NeedsItsAudiencesAndAnIssuerOfUsers) {
  EXPECT_THAT(issues_of("  - issuer: https://idp.example\n    logout: {}\n"), HasSubstr("audiences"));
  EXPECT_THAT(issues_of("  - issuer: https://idp.example\n    logout: {audiences: [a], url: x}\n"),
              HasSubstr("url"));
  EXPECT_THAT(issues_of("  - issuer: https://token.actions.githubusercontent.com\n    workloads: github\n"
                        "    logout: {audiences: [a]}\n"),
              HasSubstr("an issuer of workloads has no sessions"));
}

// An issuer that is asked about its tokens.

std::string asking(std::string_view introspection, std::string_view more = "") {
  return accepting(kGood, more) + fmt::format("    introspection: {{{}}}\n", introspection);
}

class IntrospectionConfig : public ::testing::Test {
 protected:
  IntrospectionConfig() {
    put("secret", "s3cret\n");
    put("key.json", jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value().serialise().expose());
  }
  static void put(std::string_view name, std::string_view content) {
    const auto path = std::filesystem::path(::testing::TempDir()) / name;
    std::ofstream(path) << content;
    std::filesystem::permissions(path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
};

TEST_F(IntrospectionConfig, IsReadAsItStands) {
  const auto issuers = issuers_of(asking(
      "url: \"https://idp.example/introspect\", client_id: writ, secret_file: secret, max_age_seconds: 5"));
  ASSERT_EQ(issuers.size(), 1u);
  ASSERT_NE(issuers[0].asking, nullptr);
  EXPECT_EQ(issuers[0].asking->url, "https://idp.example/introspect");
  EXPECT_EQ(issuers[0].asking->client_id, "writ");
  EXPECT_EQ(issuers[0].asking->secret_file.filename(), "secret");
  EXPECT_EQ(issuers[0].asking->max_age, 5s);
  const auto by_key =
      issuers_of(asking("url: \"https://idp.example/i\", client_id: writ, key_file: key.json"));
  EXPECT_EQ(by_key.at(0).asking->key_file.filename(), "key.json");
  EXPECT_EQ(by_key.at(0).asking->max_age, 30s);
  EXPECT_EQ(issuers_of(accepting(kGood)).at(0).asking, nullptr);
}

TEST_F(IntrospectionConfig, WhatCannotWorkIsAMistake) {
  const auto said = [](std::string_view keys) { return issues_of(asking(keys)); };
  EXPECT_THAT(said("client_id: writ, secret_file: secret"), HasSubstr("`url`"));
  EXPECT_THAT(said("url: \"https://idp.example/i\", secret_file: secret"), HasSubstr("`client_id`"));
  EXPECT_THAT(said("url: \"https://idp.example/i\", client_id: writ"),
              HasSubstr("one of `secret_file` and `key_file`"));
  EXPECT_THAT(
      said("url: \"https://idp.example/i\", client_id: writ, secret_file: secret, key_file: key.json"),
      HasSubstr("one of `secret_file` and `key_file`"));
  EXPECT_THAT(said("url: \"https://idp.example/i\", client_id: writ, key_file: secret"),
              HasSubstr("is not a private JWK"));
  EXPECT_THAT(said("url: \"https://idp.example/i\", client_id: writ, secret_file: absent"),
              HasSubstr("absent"));
  EXPECT_THAT(said("url: \"https://10.0.0.1/i\", client_id: writ, secret_file: secret"),
              HasSubstr("is a private address"));
  EXPECT_THAT(said("url: \"http://idp.example/i\", client_id: writ, secret_file: secret"),
              HasSubstr("has to be `https://`"));
  EXPECT_THAT(
      said("url: \"https://idp.example/i\", client_id: writ, secret_file: secret, max_age_seconds: 301"),
      HasSubstr("max_age_seconds"));
}

TEST_F(IntrospectionConfig, IsOfIssuersWhoseTokensAreOpaqueAndAccepted) {
  constexpr std::string_view kKeys = "url: \"https://idp.example/i\", client_id: writ, secret_file: secret";
  EXPECT_THAT(issues_of(asking(kKeys, "    profile: keycloak\n")),
              HasSubstr("the access tokens of profile `keycloak` are JWTs"));
  EXPECT_EQ(issues_of(asking(kKeys, "    profile: curity\n")), "");
  EXPECT_THAT(issues_of(fmt::format("  - issuer: https://idp.example\n    introspection: {{{}}}\n", kKeys)),
              HasSubstr("no API takes tokens of this issuer"));
}

TEST_F(IntrospectionConfig, OneIssuerAtMostIsAskedAtEachApi) {
  const auto two = [](std::string_view api) {
    return fmt::format(
        "  - issuer: https://idp.example\n    tenants: []\n    accept:\n      - {{{}}}\n"
        "    introspection: {{url: \"https://idp.example/i\", client_id: writ, secret_file: secret}}\n"
        "  - issuer: https://other.example\n    tenants: []\n    subject_prefix: \"other:\"\n    accept:\n"
        "      - {{api: {}, audiences: [\"api://o\"], kinds: [delegated], clients: {{web: portal}}}}\n"
        "    introspection: {{url: \"https://other.example/i\", client_id: writ, secret_file: secret}}\n",
        kGood, api);
  };
  EXPECT_THAT(issues_of(two("invoices")), HasSubstr("takes opaque tokens of `https://idp.example` already"));
  EXPECT_EQ(issues_of(two("mail")), "");
}

}  // namespace
}  // namespace writ::config::accept_test
