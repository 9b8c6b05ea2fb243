// Workloads as clients: the tokens of their platforms, with the claims that those have, and everything that
// looks like one and is not.
#include <gtest/gtest.h>

#include "oauth/testing/workloads.h"

namespace writ::oauth::testing::workload_clients_test {
namespace {

class WorkloadClients : public ::testing::Test {
 protected:
  WorkloadWorld w_;
};

TEST_F(WorkloadClients, APodIsItsClient) {
  EXPECT_EQ(w_.pod(w_.kubernetes()), "exporter");
  EXPECT_EQ(w_.facts, (WorkloadFacts{{"namespace", "billing"}, {"pod", "exporter-7d4b9"}}));
}

TEST_F(WorkloadClients, AWorkflowIsItsClient) {
  EXPECT_EQ(w_.action(w_.github()), "deployer");
  EXPECT_EQ(w_.facts,
            (WorkloadFacts{{"ref", "refs/heads/main"},
                           {"workflow", "acme/shop/.github/workflows/deploy.yml@refs/heads/main"}}));
  EXPECT_EQ(w_.action_with({{"ref", "refs/heads/next"}}), "deployer") << "the other value of the list";
}

TEST_F(WorkloadClients, APipelineIsItsClient) {
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, w_.gitlab(), "release")), "release");
}

TEST_F(WorkloadClients, ASvidWithoutIssuerIsItsClient) {
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, w_.svid(), "ledger", "JWT", kAssertionJwtSpiffe)),
            "ledger");
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, w_.svid(), "ledger", "JOSE", kAssertionJwtSpiffe)),
            "ledger");
}

TEST_F(WorkloadClients, CloudsWorkloadsAreTheirClients) {
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, w_.google(), "reports")), "reports");
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, w_.aws(), "lambda")), "lambda");
}

TEST_F(WorkloadClients, WithoutClientIdTheClientIsTheSubject) {
  w_.add({.id = "spiffe://acme.example/mailer",
          .kind = inventory::Kind::kService,
          .workloads = {{.issuer = std::string(kTrustDomain),
                         .claims = {{{"sub"}, {"spiffe://acme.example/mailer"}}}}}});
  const auto as = [&](const Json& claims) {
    return w_.authenticate(w_.by(w_.platform_key, claims, "", "JWT", kAssertionJwtSpiffe));
  };
  EXPECT_EQ(as(w_.svid("/mailer")), "spiffe://acme.example/mailer");
  EXPECT_EQ(as(w_.svid()), kNobody) << "no client is called so";
}

TEST_F(WorkloadClients, AnotherNamespaceIsRefused) {
  EXPECT_EQ(w_.pod(w_.kubernetes("sandbox")), kNobody);
  EXPECT_NE(w_.recorded.find("`kubernetes.io.namespace` is `sandbox`, and the rule wants `billing`"),
            std::string::npos)
      << w_.recorded;
  EXPECT_EQ(w_.said.find("namespace"), std::string::npos) << "the caller is not told: " << w_.said;
}

TEST_F(WorkloadClients, AnotherServiceAccountIsRefused) {
  EXPECT_EQ(w_.pod(w_.kubernetes("billing", "default")), kNobody);
}

TEST_F(WorkloadClients, AForkIsRefused) {
  EXPECT_EQ(w_.action_with({{"repository", "mallory/shop"},
                            {"repository_id", "911"},
                            {"repository_owner", "mallory"},
                            {"repository_owner_id", "912"},
                            {"sub", "repo:mallory/shop:ref:refs/heads/main"}}),
            kNobody);
}

TEST_F(WorkloadClients, ARepositoryThatHasTheNameLaterIsRefused) {
  EXPECT_EQ(w_.action_with({{"repository_id", "911"}}), kNobody);
}

TEST_F(WorkloadClients, AnotherBranchIsRefused) {
  EXPECT_EQ(w_.action_with({{"ref", "refs/heads/feature"}}), kNobody);
  EXPECT_EQ(w_.action_with({{"ref", "refs/heads/main2"}}), kNobody) << "no value is a beginning";
}

TEST_F(WorkloadClients, APullRequestIsRefusedWhateverTheRuleSays) {
  EXPECT_EQ(w_.action_with({{"event_name", "pull_request"}, {"ref", "refs/pull/7/merge"}}),
            "invalid_client/token_type");
  EXPECT_EQ(w_.action_with({{"event_name", "pull_request_target"}}), "invalid_client/token_type")
      << "the ref is that of the base";
  auto merge = w_.gitlab();
  merge.set("pipeline_source", "merge_request_event");
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, merge, "release")), "invalid_client/token_type");
}

TEST_F(WorkloadClients, AnUnprotectedBranchIsRefused) {
  auto claims = w_.gitlab();
  claims.set("ref_protected", "false");
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, claims, "release")), kNobody);
}

TEST_F(WorkloadClients, AnotherWorkloadOfTheTrustDomainIsRefused) {
  const auto as = [&](const Json& claims) {
    return w_.authenticate(w_.by(w_.platform_key, claims, "ledger", "JWT", kAssertionJwtSpiffe));
  };
  EXPECT_EQ(as(w_.svid("/billing/ledger/admin")), kNobody);
  EXPECT_EQ(as(w_.svid("/billing")), kNobody);
}

TEST_F(WorkloadClients, ASvidOfAnotherTrustDomainIsRefused) {
  auto claims = w_.svid();
  claims.set("sub", "spiffe://acme.example.evil/billing/ledger");
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, claims, "ledger", "JWT", kAssertionJwtSpiffe)),
            "invalid_client/token_issuer");
}

TEST_F(WorkloadClients, ATokenWithoutIssuerIsOnlyASvid) {
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, w_.svid(), "ledger")), "invalid_client/token_malformed")
      << "as RFC 7523 has it, `iss` is required";
  auto pod = w_.kubernetes();
  std::erase_if(*pod.if_object(), [](const auto& each) { return each.first == "iss"; });
  EXPECT_EQ(w_.pod(pod), "invalid_client/token_malformed");
}

TEST_F(WorkloadClients, AnotherAccountIsRefused) {
  auto claims = w_.aws();
  claims.set("sub", "arn:aws:iam::999999999999:role/Export");
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, claims, "lambda")), kNobody);
  claims = w_.google();
  claims.set("sub", "113");
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, claims, "reports")), kNobody)
      << "made again with that address";
}

TEST_F(WorkloadClients, AnAbsentClaimIsNeverAMatch) {
  auto claims = w_.github();
  std::erase_if(*claims.if_object(), [](const auto& each) { return each.first == "ref"; });
  EXPECT_EQ(w_.action(claims), kNobody);
  claims.set("ref", codec::json_texts({"refs/heads/main"}));
  EXPECT_EQ(w_.action(claims), kNobody) << "a list is not the text in it";
}

TEST_F(WorkloadClients, AnotherAudienceIsRefused) {
  EXPECT_EQ(w_.action_with({{"aud", "https://vault.acme.example"}}), "invalid_client/audience_mismatch");
  EXPECT_EQ(w_.action_with({{"aud", "https://github.com/acme"}}), "invalid_client/audience_mismatch")
      << "what GitHub says where nobody asks for another one";
  auto pod = w_.kubernetes();
  pod.set("aud", codec::json_texts({std::string(kCluster)}));
  EXPECT_EQ(w_.pod(pod), "invalid_client/audience_mismatch") << "the token for the API server";
}

TEST_F(WorkloadClients, ATokenForSeveralIsRefused) {
  auto pod = w_.kubernetes();
  pod.set("aud", codec::json_texts({std::string(kIssuer), "https://vault.acme.example"}));
  EXPECT_EQ(w_.pod(pod), "invalid_client/audience_mismatch");
}

TEST_F(WorkloadClients, ARulesOwnAudienceIsTheOnlyOne) {
  auto claims = w_.gitlab();
  claims.set("aud", kIssuer);
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, claims, "release")), kNobody);
}

TEST_F(WorkloadClients, AnUnknownClientIsRefusedInTheSameWords) {
  EXPECT_EQ(w_.pod(w_.kubernetes("sandbox")), kNobody);
  const auto said = w_.said;
  EXPECT_EQ(w_.pod(w_.kubernetes(), "nobody"), kNobody);
  EXPECT_EQ(w_.said, said);
  EXPECT_EQ(w_.pod(w_.kubernetes(), "support-portal"), kNobody) << "a client without such a rule";
  EXPECT_EQ(w_.said, said);
  auto pod = w_.kubernetes();
  pod.set("aud", "https://elsewhere.example");
  EXPECT_EQ(w_.pod(pod, "nobody"), w_.pod(pod, "exporter"));
}

TEST_F(WorkloadClients, AnotherClientsTokenIsRefused) {
  EXPECT_EQ(w_.pod(w_.kubernetes(), "deployer"), kNobody);
  EXPECT_EQ(w_.action(w_.github(), "exporter"), kNobody);
}

TEST_F(WorkloadClients, AUserIsNoClient) {
  EXPECT_EQ(w_.pod(w_.kubernetes(), "nora"), kNobody);
}

TEST_F(WorkloadClients, ALookAlikeIssuerIsRefused) {
  for (const auto* issuer :
       {"https://token.actions.githubusercontent.com/", "https://TOKEN.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com:443", "http://token.actions.githubusercontent.com",
        "https://x@token.actions.githubusercontent.com", "https://token.actions.githubusercontent.com/acme"})
    EXPECT_EQ(w_.action_with({{"iss", issuer}}), "invalid_request/caller_mismatch") << issuer;
}

TEST_F(WorkloadClients, AnotherPlatformsKeyIsRefused) {
  EXPECT_EQ(w_.authenticate(w_.by(w_.platform_key, w_.github(), "deployer")),
            "invalid_client/token_signature");
}

TEST_F(WorkloadClients, AnIssuerOfUsersNamesNoClients) {
  auto claims = w_.base(kProvider);
  claims.set("sub", "deployer");
  claims.set("jti", "1");
  EXPECT_EQ(w_.authenticate(w_.by(w_.provider_key, claims, "deployer")), "invalid_client/token_issuer");
}

TEST_F(WorkloadClients, AnIssuerOfWorkloadsNamesNoUsers) {
  auto claims = w_.github();
  claims.set("sub", "nora");
  const auto token = jose::sign_jws(w_.github_key, claims.dump(), "JWT").value();
  const auto fields = World::exchange(token, kTypeJwt, {{"resource", std::string(kInvoices)}});
  EXPECT_EQ(outcome(w_.here.handle(post("/oauth2/token", fields, World::basic("support-portal")))),
            "invalid_request/token_issuer");
}

TEST_F(WorkloadClients, AnAccessTokenIsNoAssertion) {
  EXPECT_EQ(w_.authenticate(w_.by(w_.github_key, w_.github(), "deployer", "at+jwt")),
            "invalid_client/token_type");
  EXPECT_EQ(w_.action_with({{"scope", "repo"}}), "invalid_client/token_type");
  // One of Writ's own.
  const Fields own{{"client_assertion_type", std::string(kAssertionJwtBearer)},
                   {"client_assertion", w_.portal_token()},
                   {"client_id", "support-portal"}};
  EXPECT_EQ(w_.authenticate(own), "invalid_request/caller_mismatch");
}

TEST_F(WorkloadClients, AnIdTokenIsNoAssertion) {
  for (const auto* claim : {"nonce", "at_hash", "c_hash", "s_hash"})
    EXPECT_EQ(w_.action_with({{claim, "77QmUPtjPfzWtF2AnpK9RQ"}}), "invalid_client/token_type") << claim;
}

TEST_F(WorkloadClients, ATokenThatSomebodyElseActsWithIsRefused) {
  EXPECT_EQ(w_.action_with({{"act", Json::object({{"sub", "mallory"}})}}), "invalid_client/token_type");
}

TEST_F(WorkloadClients, ABoundTokenIsRefusedBecauseNothingProvesIt) {
  EXPECT_EQ(w_.action_with({{"cnf", Json::object({{"jkt", "x"}})}}), "invalid_client/sender_binding_missing");
}

TEST_F(WorkloadClients, ATokenWithAnIdIsGoodOnce) {
  const auto once = w_.github();
  EXPECT_EQ(w_.action(once), "deployer");
  EXPECT_EQ(w_.action(once), "invalid_client/token_replayed");
}

TEST_F(WorkloadClients, ATokenThatDoesNotMatchIsNotUsedUp) {
  const auto token = w_.github();
  EXPECT_EQ(w_.action(token, "exporter"), kNobody);
  EXPECT_EQ(w_.action(token), "deployer");
}

TEST_F(WorkloadClients, WithoutAnIdACisTokenIsRefused) {
  auto claims = w_.github();
  std::erase_if(*claims.if_object(), [](const auto& each) { return each.first == "jti"; });
  EXPECT_EQ(w_.action(claims), "invalid_client/token_malformed");
}

// The kubelet puts one token into the pod for an hour, with an id in it or without.
TEST_F(WorkloadClients, APodsTokenIsGoodUntilItExpiresAndNotLonger) {
  auto claims = w_.kubernetes();
  claims.set("jti", "e51f1fbc-4733-4b85-a59f-ba80c0523874");
  EXPECT_EQ(w_.pod(claims), "exporter");
  EXPECT_EQ(w_.pod(claims), "exporter");
  w_.clock.advance(599s);
  EXPECT_EQ(w_.pod(claims), "exporter");
  w_.clock.advance(1s);
  EXPECT_EQ(w_.pod(claims), "invalid_client/token_expired");
}

TEST_F(WorkloadClients, ALongLivedTokenIsRefused) {
  auto claims = w_.kubernetes();
  claims.set("exp", unix_seconds(w_.clock.now()) + 365 * 86'400);
  EXPECT_EQ(w_.pod(claims), "invalid_client/token_malformed") << "from the future";
  claims = w_.kubernetes();
  claims.set("iat", unix_seconds(w_.clock.now()) - 364 * 86'400);
  EXPECT_EQ(w_.pod(claims), "invalid_client/token_malformed") << "and from the past";
}

// A secret of type service-account-token, as clusters made them before 1.24.
TEST_F(WorkloadClients, ALegacyTokenWithoutEndIsRefused) {
  auto claims = w_.kubernetes();
  std::erase_if(*claims.if_object(),
                [](const auto& each) { return each.first == "exp" || each.first == "iat"; });
  EXPECT_EQ(w_.pod(claims), "invalid_client/token_malformed");
}

TEST_F(WorkloadClients, ATokenWithoutAgeIsRefused) {
  auto claims = w_.kubernetes();
  std::erase_if(*claims.if_object(), [](const auto& each) { return each.first == "iat"; });
  EXPECT_EQ(w_.pod(claims), "invalid_client/token_malformed");
}

TEST_F(WorkloadClients, ASuspendedClientIsToldSo) {
  ASSERT_TRUE(w_.directory.order("exporter", inventory::Status::kSuspended).has_value());
  EXPECT_EQ(w_.pod(w_.kubernetes()), "unauthorized_client/caller_suspended");
  EXPECT_EQ(w_.pod(w_.kubernetes("sandbox")), kNobody) << "its state is nobody else's business";
}

TEST_F(WorkloadClients, WithoutTheIssuersKeysNobodyIsLetIn) {
  auto issuers = w_.issuers();
  for (auto& each : issuers) {
    if (each.issuer == kGithub) each.location.emplace();
  }
  const auto blind = TrustedIssuers::of(std::move(issuers)).value();
  const ClientAuthentication clients{
      {.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl), .issuers = &blind},
      w_.directory,
      w_.replays};
  const auto request = post("/oauth2/token", w_.by(w_.github_key, w_.github(), "deployer"));
  const auto credentials = Credentials::read(request, Form::parse(request.body).value()).value();
  const auto client = clients.authenticate(credentials, w_.clock.now());
  ASSERT_FALSE(client);
  EXPECT_EQ(w_.text(client.error()), "server_error/indeterminate");
}

TEST_F(WorkloadClients, ARefusalIsAuditedWithTheClaimAndAnsweredWithoutIt) {
  auto fields = w_.by(w_.github_key, w_.github(), "exporter");
  fields.emplace_back("grant_type", kGrantClientCredentials);
  fields.emplace_back("resource", kInvoices);
  auto claims = w_.github();
  claims.set("ref", "refs/heads/feature");
  fields[1].second = jose::sign_jws(w_.github_key, claims.dump(), "JWT").value();
  fields[2].second = "deployer";
  const auto response = w_.here.handle(post("/oauth2/token", fields));
  EXPECT_EQ(outcome(response), kNobody);
  EXPECT_EQ(response.body.find("feature"), std::string::npos) << response.body;
  EXPECT_NE(w_.audit.back().find("the token's `ref` is `refs/heads/feature`"), std::string::npos)
      << w_.audit.back();
  EXPECT_NE(w_.audit.back().find("deployer"), std::string::npos);
}

// So that somebody can adopt it.
TEST_F(WorkloadClients, OfAClientThatThereIsNotTheAuditHasWhatItsPlatformCallsIt) {
  const auto request = post("/oauth2/token", w_.by(w_.github_key, w_.github(), "nobody-here"));
  const auto credentials = Credentials::read(request, Form::parse(request.body).value()).value();
  const auto client = w_.workload_clients.authenticate(credentials, w_.clock.now());
  ASSERT_FALSE(client);
  EXPECT_EQ(w_.text(client.error()), kNobody);
  EXPECT_TRUE(w_.recorded.starts_with("token {\"issuer\":")) << w_.recorded;
  EXPECT_NE(w_.recorded.find(*w_.github().find_string("sub")), std::string::npos) << w_.recorded;
  EXPECT_EQ(w_.said.find(*w_.github().find_string("sub")), std::string::npos);
}

TEST_F(WorkloadClients, WhatTheTokenTellsIsInWritsAndPoliciesReadIt) {
  w_.policies = World::compiled(R"(
@id("main") permit (principal is Writ::Service, action == Writ::Action::"issue", resource is Writ::Api)
when { principal has workload && principal.workload has ref && principal.workload.ref == "refs/heads/main" };
)");
  const auto ask = [&](std::string_view ref) {
    auto claims = w_.github();
    claims.set("ref", ref);
    auto fields = w_.by(w_.github_key, claims, "deployer");
    fields.emplace_back("grant_type", kGrantClientCredentials);
    fields.emplace_back("resource", kInvoices);
    return w_.here.handle(post("/oauth2/token", fields));
  };
  const auto issued = ask("refs/heads/main");
  ASSERT_EQ(outcome(issued), "issued") << issued.body;
  const auto claims = w_.claims(World::access_token(issued));
  EXPECT_EQ(claims.workload.front(), (std::pair<std::string, std::string>("ref", "refs/heads/main")));
  EXPECT_EQ(outcome(ask("refs/heads/next")), "invalid_target/policy_no_permit");
}

}  // namespace
}  // namespace writ::oauth::testing::workload_clients_test
