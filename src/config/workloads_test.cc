// Reading `workloads` of an issuer, and what the inventory says of clients without a secret of their own:
// what is understood, and what is an error, above all rules that more satisfy than are meant.
#include "config/workloads.h"

#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/world.h"

namespace writ::config::workloads_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Without keys at a URL that would have to be allowed.
constexpr std::string_view kIssuers = R"(trusted_issuers:
  - {issuer: "https://idp.example"}
  - {issuer: "https://k8s.example", workloads: kubernetes}
  - {issuer: "https://token.actions.githubusercontent.com", workloads: github}
  - {issuer: "https://gitlab.example", workloads: gitlab}
  - {issuer: "spiffe://acme.example", workloads: spiffe, jwks_uri: "https://spire.example/keys"}
  - {issuer: "https://accounts.google.com", workloads: google}
  - {issuer: "https://x.tokens.sts.global.api.aws", workloads: aws}
  - {issuer: "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0", workloads: azure}
  - {issuer: "https://ci.example", workloads: other}
)";
constexpr std::string_view kGithub = "https://token.actions.githubusercontent.com";

struct Read {
  std::optional<Config> config;
  World world;
  std::string said;
};
Read read(std::string_view identities, std::string_view issuers = kIssuers) {
  Read read;
  files::Issues issues;
  read.config = parse_config(
      fmt::format("version: 1\nissuer: https://writ.example\nlisten: {{api: \"127.0.0.1:1\"}}\n"
                  "policies: {{files: [p]}}\n{}inventory:\n  apis: [{{id: invoices, audience: \"https://i\", "
                  "actions: [read]}}]\n  identities:\n    - {{id: nora, kind: user}}\n{}",
                  issuers, identities),
      std::filesystem::path(::testing::TempDir()) / "writ.yaml", issues);
  if (read.config) read.world = read_world(*read.config, issues);
  for (const auto& issue : issues.all()) read.said += render(issue) + "\n";
  return read;
}
// What is said of a service whose token must have these claims.
std::string said_of(std::string_view issuer, std::string_view claims) {
  return read(fmt::format("    - {{id: ci, kind: service, workload: [{{issuer: \"{}\", claims: {{{}}}}}]}}\n",
                          issuer, claims))
      .said;
}
std::string github(std::string_view claims) {
  return said_of(kGithub, claims);
}

TEST(Workloads, AnIssuerOfWorkloadsNeedsNoPrefixAndNoTenants) {
  const auto read = workloads_test::read("");
  EXPECT_EQ(read.said, "");
  ASSERT_TRUE(read.config);
  const auto& issuers = read.config->trusted_issuers;
  EXPECT_EQ(issuers[0].workloads, nullptr);
  EXPECT_EQ(issuers[1].workloads->name, "kubernetes");
  EXPECT_EQ(issuers[1].audience, "https://writ.example");
  EXPECT_EQ(issuers[1].max_token_lifetime, 3660s);
  EXPECT_EQ(user_names(*read.config).size(), 1u) << "it names no users";
}

TEST(Workloads, AnIssuerThatNamesWorkloadsSaysNothingOfUsers) {
  for (const auto* key : {"subject_prefix: p", "tenants: [north]", "profile: keycloak", "facts: [roles]",
                          "clients: {a: b}", "claims: {tenant: t}", "accept: []"})
    EXPECT_THAT(
        workloads_test::read(
            "",
            fmt::format("trusted_issuers:\n  - {{issuer: \"https://k\", workloads: kubernetes, {}}}\n", key))
            .said,
        HasSubstr("is about users, and this issuer names `workloads`"))
        << key;
}

TEST(Workloads, EachKindHasItsProfile) {
  for (const auto& profile : oauth::workload_profiles()) {
    const auto config =
        workloads_test::read(
            "", fmt::format("trusted_issuers: [{{issuer: \"https://k\", workloads: {}}}]\n", profile.name))
            .config;
    ASSERT_TRUE(config) << profile.name;
    EXPECT_EQ(config->trusted_issuers.front().workloads, &profile);
  }
}

TEST(Workloads, AnUnknownKindIsAnErrorThatNamesTheOthers) {
  const auto said =
      workloads_test::read("", "trusted_issuers: [{issuer: \"https://k\", workloads: jenkins}]\n").said;
  EXPECT_THAT(said, HasSubstr("`workloads` must be one of"));
  EXPECT_THAT(said, HasSubstr("kubernetes, github, gitlab, spiffe, google, aws, azure, other"));
}

TEST(Workloads, ARuleIsReadWithItsMembersListsAndFacts) {
  const auto read = workloads_test::read(R"(    - id: exporter
      kind: service
      workload:
        - issuer: https://k8s.example
          audience: https://export.example
          claims: {kubernetes.io: {namespace: [billing, audit], serviceaccount: {name: exporter}}}
          facts: [namespace, pod]
        - {issuer: "https://token.actions.githubusercontent.com", claims: {repository_id: 74, ref: refs/heads/main}, facts: {workflow: job_workflow_ref}}
)");
  ASSERT_EQ(read.said, "");
  const auto& rules = read.world.declared.identities.back().workloads;
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].audience, "https://export.example");
  const auto* space = condition_of(rules[0], {"kubernetes.io", "namespace"});
  ASSERT_NE(space, nullptr);
  EXPECT_EQ(space->values, (std::vector<std::string>{"billing", "audit"}));
  EXPECT_EQ(rules[0].facts.front().second, (inventory::ClaimNames{"kubernetes.io", "namespace"}));
  EXPECT_EQ(condition_of(rules[1], {"repository_id"})->values, std::vector<std::string>{"74"}) << "as a text";
  EXPECT_EQ(rules[1].facts.front().second, inventory::ClaimNames{"job_workflow_ref"});
  // And kept so.
  const auto& identity = read.world.declared.identities.back();
  const auto kept = inventory::identity_from_record(inventory::identity_record(identity));
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(inventory::identity_record(*kept), inventory::identity_record(identity));
}

TEST(Workloads, OfGithubARepositoryIsPinnedByItsId) {
  EXPECT_EQ(github("repository_id: 74, ref: refs/heads/main"), "");
  EXPECT_EQ(
      github("repository: acme/shop, repository_owner_id: 65, environment: production, ref_protected: true"),
      "");
  EXPECT_THAT(github("repository: acme/shop, ref: refs/heads/main"),
              HasSubstr("`repository_id` is missing: a fork"));
  EXPECT_THAT(github("repository_owner_id: 65, ref: refs/heads/main"),
              HasSubstr("`repository_id` is missing"));
  EXPECT_THAT(github("sub: \"repo:acme/shop:ref:refs/heads/main\""), HasSubstr("`repository_id` is missing"));
}

TEST(Workloads, OfGithubABranchOrAnEnvironmentIsPinned) {
  EXPECT_THAT(github("repository_id: 74"), HasSubstr("`ref` or `environment` is missing: every branch"));
  EXPECT_THAT(github("repository_id: 74, workflow_ref: x"), HasSubstr("`ref` or `environment` is missing"));
  EXPECT_THAT(github("repository_id: 74, ref: main"),
              HasSubstr("begins with `refs/`, so this one is never matched"));
}

// Whoever may push any branch can write `environment: production` into its workflow.
TEST(Workloads, OfGithubAnEnvironmentAloneIsEveryBranchs) {
  EXPECT_THAT(github("repository_id: 74, environment: production"),
              HasSubstr("`ref_protected: true` is missing: a job of every branch can name an environment"));
  EXPECT_THAT(github("repository_id: 74, environment: production, ref_protected: [true, false]"),
              HasSubstr("`ref_protected: true` is missing"));
  EXPECT_EQ(github("repository_id: 74, environment: production, ref_protected: true"), "");
  EXPECT_EQ(github("repository_id: 74, environment: production, ref: refs/heads/main"), "");
}

// The reusable workflow says which code ran, and not who called it.
TEST(Workloads, OfGithubAReusableWorkflowIsNoRepositoryAndNoBranch) {
  const auto said = github(
      "job_workflow_ref: acme/wf/.github/workflows/deploy.yml@refs/heads/main, "
      "repository_owner_id: 65");
  EXPECT_THAT(said, HasSubstr("`repository_id` is missing"));
  EXPECT_THAT(said, HasSubstr("`ref` or `environment` is missing"));
}

// With `other` nobody would look whether a fork, a branch or an account is pinned.
TEST(Workloads, AKnownPlatformsTokensAreReadAsItsOwn) {
  const auto said = [](std::string_view issuer, std::string_view claims) {
    return read(fmt::format(
                    "    - {{id: ci, kind: service, workload: [{{issuer: \"{}\", claims: {{{}}}}}]}}\n",
                    issuer, claims),
                fmt::format("trusted_issuers: [{{issuer: \"{}\", workloads: other, jwks_uri: "
                            "\"https://keys.example/\"}}]\n",
                            issuer))
        .said;
  };
  EXPECT_THAT(said(kGithub, "sub: \"repo:acme/shop:environment:production\""),
              HasSubstr("are those of `github`, and its `workloads` says `other`"));
  EXPECT_THAT(said("https://token.actions.githubusercontent.com/acme", "sub: x"), HasSubstr("of `github`"));
  EXPECT_THAT(said("https://token.actions.acme.ghe.com", "sub: x"), HasSubstr("of `github`"));
  EXPECT_THAT(said("https://github.acme.example/_services/token", "sub: x"), HasSubstr("of `github`"));
  EXPECT_THAT(said("https://gitlab.com", "sub: \"project_path:acme/shop:ref_type:branch:ref:main\""),
              HasSubstr("of `gitlab`"));
  EXPECT_THAT(said("https://accounts.google.com", "sub: \"1\""), HasSubstr("of `google`"));
  EXPECT_THAT(said("https://x.tokens.sts.global.api.aws", "sub: x"), HasSubstr("of `aws`"));
  EXPECT_THAT(said("https://sts.windows.net/aaaabbbb/", "sub: x"), HasSubstr("of `azure`"));
  EXPECT_THAT(said("https://oidc.eks.eu-central-1.amazonaws.com/id/A1", "sub: x"),
              HasSubstr("of `kubernetes`"));
  EXPECT_THAT(said("spiffe://acme.example", "sub: \"spiffe://acme.example/a\""), HasSubstr("of `spiffe`"));
  EXPECT_EQ(said("https://ci.example", "sub: x"), "");
  EXPECT_EQ(said("https://gitlab.company.example", "sub: x"), "") << "begins alike";
}

// The API server, a cloud or a vault gets such tokens, and could bring them here.
TEST(Workloads, AnAudienceThatIsForOthersIsAnError) {
  const auto with = [](std::string_view issuer, std::string_view claims, std::string_view audience) {
    return read(fmt::format("    - {{id: ci, kind: service, workload: [{{issuer: \"{}\", claims: {{{}}}, "
                            "audience: \"{}\"}}]}}\n",
                            issuer, claims, audience))
        .said;
  };
  const auto pod = [&](std::string_view audience) {
    return with("https://k8s.example", "sub: \"system:serviceaccount:a:b\"", audience);
  };
  EXPECT_EQ(pod("https://export.example"), "");
  for (const auto* audience : {"https://k8s.example", "https://kubernetes.default.svc", "sts.amazonaws.com",
                               "https://kubernetes.default.svc.cluster.local", "api://AzureADTokenExchange",
                               "//iam.googleapis.com/projects/1/locations/global/x"})
    EXPECT_THAT(pod(audience), HasSubstr("each of these services could bring them here")) << audience;
  EXPECT_THAT(with(kGithub, "repository_id: 74, ref: refs/heads/main", "https://github.com/acme"),
              HasSubstr("for other services"));
  EXPECT_THAT(
      read("    - {id: ci, kind: service, workload: [{issuer: \"https://k\", claims: {sub: "
           "\"system:serviceaccount:a:b\"}}]}\n",
           "trusted_issuers: [{issuer: \"https://k\", workloads: kubernetes, audience: \"https://k\"}]\n")
          .said,
      HasSubstr("for other services"))
      << "as the issuer's own entry says it";
}

TEST(Workloads, OfAzureTheIdentityIsPinnedAndTheTenantIsTheIssuers) {
  const auto azure = [](std::string_view claims) {
    return said_of("https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0", claims);
  };
  EXPECT_EQ(azure("oid: 11bb11bb-cc22-dd33-ee44-55ff55ff55ff"), "");
  EXPECT_EQ(azure("azp: 22223333-cccc-4444-dddd-5555eeee6666"), "");
  EXPECT_THAT(azure("tid: aaaabbbb-0000-cccc-1111-dddd2222eeee"),
              HasSubstr("`oid` is missing: every application and managed identity of the tenant would do"));
  EXPECT_THAT(azure("roles: export"), HasSubstr("`oid` is missing"));
}

TEST(Workloads, OfGithubPullRequestsAreNobodysClients) {
  EXPECT_THAT(github("repository_id: 74, ref: refs/pull/7/merge"), HasSubstr("about pull requests"));
  EXPECT_THAT(github("repository_id: 74, environment: e, event_name: pull_request_target"),
              HasSubstr("about pull requests"));
  EXPECT_THAT(github("repository_id: 74, environment: e, sub: \"repo:acme/shop:pull_request\""),
              HasSubstr("about pull requests"));
}

TEST(Workloads, OfGitlabAProjectAndAProtectedPlaceArePinned) {
  const auto gitlab = [](std::string_view claims) { return said_of("https://gitlab.example", claims); };
  EXPECT_EQ(gitlab("project_id: 20, ref: main, ref_protected: true"), "");
  EXPECT_EQ(gitlab("project_id: 20, environment: production, environment_protected: \"true\""), "");
  EXPECT_EQ(gitlab("project_id: 20, ref_path: refs/heads/main, ref_protected: true"), "") << "no tag";
  EXPECT_THAT(gitlab("project_id: 20, ref_path: refs/heads/main"),
              HasSubstr("`ref_protected: true` is missing"));
  EXPECT_THAT(gitlab("project_path: acme/shop, ref: main, ref_protected: true"),
              HasSubstr("`project_id` is missing: a fork"));
  EXPECT_THAT(gitlab("project_id: 20"), HasSubstr("`ref` or `environment` is missing: every branch"));
  EXPECT_THAT(gitlab("project_id: 20, ref: main"), HasSubstr("`ref_protected: true` is missing"));
  EXPECT_THAT(gitlab("project_id: 20, ref: main, ref_protected: [true, false]"),
              HasSubstr("`ref_protected: true` is missing"));
  EXPECT_THAT(gitlab("project_id: 20, environment: production"),
              HasSubstr("`environment_protected: true` is missing"));
}

TEST(Workloads, OfKubernetesNamespaceAndAccountArePinned) {
  const auto pod = [](std::string_view claims) { return said_of("https://k8s.example", claims); };
  EXPECT_EQ(pod("kubernetes.io: {namespace: billing, serviceaccount: {name: exporter}}"), "");
  EXPECT_EQ(pod("sub: \"system:serviceaccount:billing:exporter\""), "");
  EXPECT_THAT(pod("kubernetes.io: {namespace: billing}"),
              HasSubstr("`kubernetes.io.serviceaccount.name` is missing"));
  EXPECT_THAT(pod("kubernetes.io: {serviceaccount: {name: exporter}}"),
              HasSubstr("`kubernetes.io.namespace` is missing"));
  EXPECT_THAT(pod("sub: \"system:serviceaccount:billing\""), HasSubstr("not that of a service account"));
  EXPECT_THAT(pod("namespace: billing, name: exporter"), HasSubstr("`kubernetes.io.namespace` is missing"));
}

TEST(Workloads, OfSpiffeTheIdIsPinned) {
  const auto svid = [](std::string_view claims) { return said_of("spiffe://acme.example", claims); };
  EXPECT_EQ(svid("sub: \"spiffe://acme.example/export\""), "");
  EXPECT_THAT(svid("aud: x"), HasSubstr("`sub` is missing: every workload of the trust domain"));
  EXPECT_THAT(svid("sub: \"spiffe://acme.example\""), HasSubstr("not the SPIFFE id of a workload"));
  EXPECT_THAT(svid("sub: \"spiffe://acme.example/\""), HasSubstr("not the SPIFFE id of a workload"));
  EXPECT_THAT(svid("sub: \"spiffe://other.example/export\""), HasSubstr("not of the trust domain"));
}

TEST(Workloads, OfCloudsAccountAndSubjectArePinned) {
  const auto aws = [](std::string_view claims) {
    return said_of("https://x.tokens.sts.global.api.aws", claims);
  };
  EXPECT_EQ(aws("sub: \"arn:aws:iam::123456789012:role/Export\""), "");
  EXPECT_THAT(aws("sub: Export"),
              HasSubstr("aws_account` is missing: a role of that name in another account"));
  EXPECT_EQ(aws("sub: Export, \"https://sts.amazonaws.com/\": {aws_account: \"123456789012\"}"), "");
  EXPECT_THAT(aws("\"https://sts.amazonaws.com/\": {aws_account: \"123456789012\"}"),
              HasSubstr("`sub` is missing: every role"));
  const auto google = [](std::string_view claims) { return said_of("https://accounts.google.com", claims); };
  EXPECT_EQ(google("sub: \"112010400000000710080\", email: x@y.iam.gserviceaccount.com"), "");
  EXPECT_THAT(google("sub: x@y.iam.gserviceaccount.com"),
              HasSubstr("not the unique id of a service account"));
  EXPECT_THAT(google("email: x@y.iam.gserviceaccount.com"),
              HasSubstr("`sub` is missing: a service account that is made again"));
  EXPECT_THAT(said_of("https://ci.example", "job: x"), HasSubstr("`sub` is missing"));
}

TEST(Workloads, ARuleWithoutClaimsIsAnError) {
  EXPECT_THAT(github(""), HasSubstr("`claims` is empty, so every token of the issuer would do"));
  EXPECT_THAT(read("    - {id: ci, kind: service, workload: [{issuer: \"https://k8s.example\"}]}\n").said,
              HasSubstr("`claims`"));
}

TEST(Workloads, NoValueStandsForSeveral) {
  EXPECT_THAT(github("repository_id: 74, ref: refs/heads/*"),
              HasSubstr("`*` stands for nothing: write the values out"));
  EXPECT_THAT(github("repository_id: \"*\", ref: refs/heads/main"), HasSubstr("`*` stands for nothing"));
  EXPECT_THAT(github("repository_id: 74, ref: []"), HasSubstr("no value of the claim `ref`"));
}

TEST(Workloads, ManyValuesAreALimit) {
  std::string values;
  for (int i = 0; i < 65; ++i) values += fmt::format("{}refs/heads/b{}", i == 0 ? "" : ", ", i);
  EXPECT_THAT(github(fmt::format("repository_id: 74, ref: [{}]", values)), HasSubstr("more than 64 values"));
  std::string claims;
  for (int i = 0; i < 33; ++i) claims += fmt::format(", c{}: x", i);
  EXPECT_THAT(github("repository_id: 74, ref: refs/heads/main" + claims), HasSubstr("more than 32 claims"));
  EXPECT_THAT(github("repository_id: 74, ref: refs/heads/main, a: {b: {c: {d: {e: f}}}}"),
              HasSubstr("deeper than 4 names"));
}

TEST(Workloads, AnIssuerThatIsNotTrustedToNameWorkloadsIsAnError) {
  EXPECT_THAT(
      said_of("https://token.actions.githubusercontent.com/", "repository_id: 74, ref: refs/heads/main"),
      HasSubstr("`https://token.actions.githubusercontent.com/` is not a trusted issuer"));
  EXPECT_THAT(said_of("https://idp.example", "sub: x"), HasSubstr("names users, and no workloads"));
}

TEST(Workloads, AFactThatThePlatformDoesNotTellIsAnError) {
  const auto with = [](std::string_view facts) {
    return read(fmt::format("    - {{id: ci, kind: service, workload: [{{issuer: \"https://k8s.example\", "
                            "claims: {{sub: "
                            "\"system:serviceaccount:a:b\"}}, facts: {}}}]}}\n",
                            facts))
        .said;
  };
  EXPECT_EQ(with("[namespace, serviceAccount]"), "");
  EXPECT_THAT(with("[repository]"), HasSubstr("a token of `kubernetes` has no fact `repository`"));
  EXPECT_THAT(with("{colour: sub}"), HasSubstr("`colour` is not a fact of a workload"));
}

TEST(Workloads, TwoIdentitiesThatOneTokenCouldBeAreAnError) {
  const auto two = [](std::string_view one, std::string_view other, std::string_view more = "") {
    return read(fmt::format(
                    "    - {{id: a, kind: service, workload: [{{issuer: \"{0}\", claims: {{{1}}}}}]}}\n"
                    "    - {{id: b, kind: service, workload: [{{issuer: \"{0}\", claims: {{{2}}}{3}}}]}}\n",
                    kGithub, one, other, more))
        .said;
  };
  const std::string_view main = "repository_id: 74, ref: refs/heads/main";
  EXPECT_THAT(two(main, main), HasSubstr("one token could be both `a` and `b`"));
  EXPECT_THAT(two(main, "repository_id: 74, ref: [refs/heads/next, refs/heads/main]"),
              HasSubstr("both `a` and `b`"));
  EXPECT_THAT(two(main, "repository_id: 74, environment: production"), HasSubstr("both `a` and `b`"))
      << "main may deploy to it";
  EXPECT_THAT(two(main, "repository: acme/shop, repository_owner_id: 65, ref: refs/heads/main"),
              HasSubstr("both `a` and `b`"))
      << "that may be its name";
  EXPECT_EQ(two(main, "repository_id: 75, ref: refs/heads/main"), "");
  EXPECT_EQ(two(main, "repository_id: 74, ref: refs/heads/next"), "");
  EXPECT_EQ(two(main, main, ", audience: \"https://b.example\""), "");
  EXPECT_THAT(two(main, main, ", audience: \"https://writ.example\""), HasSubstr("both `a` and `b`"))
      << "the one that the issuer's are for anyway";
}

TEST(Workloads, ACertificateIsOneIdentitys) {
  const auto with = [](std::string_view one, std::string_view other) {
    return read(fmt::format("    - {{id: a, kind: service, certificates: [{}]}}\n    - {{id: b, kind: "
                            "service, certificates: [{}]}}\n",
                            one, other))
        .said;
  };
  EXPECT_EQ(with("{uri: \"https://x/a\"}", "{uri: \"https://x/b\"}, {dns: b.example}"), "");
  EXPECT_THAT(with("{uri: \"https://x/a\"}", "{uri: \"https://x/a\"}"), HasSubstr("is that of `a` already"));
  EXPECT_THAT(with("{uri: \"https://x/a\", dns: a}", "{dns: b}"),
              HasSubstr("one of `uri`, `dns` and `sha256`"));
  EXPECT_THAT(with("{dns: \"*.example\"}", "{dns: b}"), HasSubstr("`*` stands for nothing"));
  EXPECT_THAT(with("{sha256: short}", "{dns: b}"), HasSubstr("43 characters"));
}

TEST(Workloads, APreviousSecretComesWithItsEndAndBesideAnotherOne) {
  constexpr std::string_view kHash =
      "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  constexpr std::string_view kOther =
      "$scrypt$ln=14,r=8,p=1$BAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const auto with = [](std::string_view keys) {
    return read(fmt::format("    - {{id: a, kind: service, {}}}\n", keys)).said;
  };
  EXPECT_EQ(with(fmt::format("secret_hash: \"{}\", previous_secret: {{hash: \"{}\", until: 2027-01-31}}",
                             kHash, kOther)),
            "");
  EXPECT_THAT(with(fmt::format("previous_secret: {{hash: \"{}\", until: 2027-01-31}}", kOther)),
              HasSubstr("there is none"));
  EXPECT_THAT(
      with(fmt::format("secret_hash: \"{0}\", previous_secret: {{hash: \"{0}\", until: 2027-01-31}}", kHash)),
      HasSubstr("is the secret in force"));
  EXPECT_THAT(with(fmt::format("secret_hash: \"{}\", previous_secret: {{hash: \"{}\"}}", kHash, kOther)),
              HasSubstr("until"));
  EXPECT_THAT(with(fmt::format("secret_hash: \"{}\", previous_secret: {{hash: x, until: soon}}", kHash)),
              HasSubstr("`soon` is not a date"));
}

TEST(Workloads, AUserHasNoneOfThese) {
  EXPECT_THAT(read("    - {id: u, kind: user, certificates: [{dns: a}]}\n").said,
              HasSubstr("a user has no credentials here"));
  EXPECT_THAT(read("    - {id: u, kind: user, introspects: [invoices]}\n").said,
              HasSubstr("a user has no credentials here"));
}

TEST(Workloads, WhoAsksAboutTokensAsksAboutApisThatThereAre) {
  EXPECT_EQ(read("    - {id: a, kind: service, introspects: [invoices, writ]}\n").said, "");
  EXPECT_THAT(read("    - {id: a, kind: service, introspects: [mail]}\n").said,
              HasSubstr("there is no API `mail`"));
}

}  // namespace
}  // namespace writ::config::workloads_test
