// For tests of workloads as clients: Acme's world with the platforms beside it, their keys, and tokens with
// the claims that they have.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oauth/client_authentication.h"
#include "oauth/testing/world.h"

namespace writ::oauth::testing {

using inventory::WorkloadRule;

inline constexpr std::string_view kCluster = "https://kubernetes.default.svc.cluster.local";
inline constexpr std::string_view kGithub = "https://token.actions.githubusercontent.com";
inline constexpr std::string_view kGitlab = "https://gitlab.acme.example";
inline constexpr std::string_view kTrustDomain = "spiffe://acme.example";
inline constexpr std::string_view kGoogle = "https://accounts.google.com";
inline constexpr std::string_view kAws = "https://a1b2c3d4-0000.tokens.sts.global.api.aws";

struct WorkloadWorld : World {
  WorkloadWorld() {
    const auto add_service = [this](std::string_view id, std::vector<WorkloadRule> rules) {
      add({.id = std::string(id), .kind = inventory::Kind::kService, .workloads = std::move(rules)});
    };
    add_service("exporter", {{.issuer = std::string(kCluster),
                              .claims = {{{"kubernetes.io", "namespace"}, {"billing"}},
                                         {{"kubernetes.io", "serviceaccount", "name"}, {"exporter"}}},
                              .facts = {{"namespace", {"kubernetes.io", "namespace"}},
                                        {"pod", {"kubernetes.io", "pod", "name"}}}}});
    add_service("deployer",
                {{.issuer = std::string(kGithub),
                  .claims = {{{"repository_id"}, {"74"}}, {{"ref"}, {"refs/heads/main", "refs/heads/next"}}},
                  .facts = {{"ref", {"ref"}}, {"workflow", {"workflow_ref"}}}}});
    add_service("release",
                {{.issuer = std::string(kGitlab),
                  .audience = "https://release.acme.example",
                  .claims = {{{"project_id"}, {"20"}}, {{"ref"}, {"main"}}, {{"ref_protected"}, {"true"}}}}});
    add_service("ledger", {{.issuer = std::string(kTrustDomain),
                            .claims = {{{"sub"}, {"spiffe://acme.example/billing/ledger"}}}}});
    add_service("reports",
                {{.issuer = std::string(kGoogle), .claims = {{{"sub"}, {"112010400000000710080"}}}}});
    add_service("lambda", {{.issuer = std::string(kAws),
                            .claims = {{{"sub"}, {"arn:aws:iam::123456789012:role/Export"}}}}});
  }

  std::vector<TrustedIssuer> issuers() const {
    std::vector<TrustedIssuer> all;
    const auto of = [&](std::string_view issuer, const jose::PrivateJwk& key, std::string_view profile) {
      TrustedIssuer made{.issuer = std::string(issuer),
                         .audience = std::string(kIssuer),
                         .keys = jose::JwkSet::of({key.public_jwk()}).value(),
                         .mapping = {}};
      if (!profile.empty()) {
        made.workloads = find_workload_profile(profile);
        made.max_token_lifetime = 1h;
      }
      all.push_back(std::move(made));
    };
    of(kProvider, provider_key, "");
    of(kCluster, platform_key, "kubernetes");
    of(kGithub, github_key, "github");
    of(kGitlab, platform_key, "gitlab");
    of(kTrustDomain, platform_key, "spiffe");
    of(kGoogle, platform_key, "google");
    of(kAws, platform_key, "aws");
    return all;
  }

  Json base(std::string_view issuer) const {
    return Json::object({{"iss", issuer},
                         {"aud", kIssuer},
                         {"iat", unix_seconds(clock.now())},
                         {"nbf", unix_seconds(clock.now())},
                         {"exp", unix_seconds(clock.now()) + 600}});
  }
  // As the API server makes them for a projected volume.
  Json kubernetes(std::string_view space = "billing", std::string_view account = "exporter") const {
    auto claims = base(kCluster);
    claims.set("aud", codec::json_texts({std::string(kIssuer)}));
    claims.set("kubernetes.io",
               Json::object({{"namespace", space},
                             {"node", Json::object({{"name", "node-1"}, {"uid", "0c5d1ad5"}})},
                             {"pod", Json::object({{"name", "exporter-7d4b9"}, {"uid", "49ac1f55"}})},
                             {"serviceaccount", Json::object({{"name", account}, {"uid", "14ee3fa4"}})}}));
    claims.set("sub", "system:serviceaccount:" + std::string(space) + ":" + std::string(account));
    return claims;
  }
  Json github() const {
    auto claims = base(kGithub);
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"jti", crypto::random_id()},
             {"sub", "repo:acme/shop:ref:refs/heads/main"},
             {"ref", "refs/heads/main"},
             {"ref_type", "branch"},
             {"ref_protected", "true"},
             {"sha", "c040cae0f0dc81641728557b80f09cfa23b83fe5"},
             {"repository", "acme/shop"},
             {"repository_id", "74"},
             {"repository_owner", "acme"},
             {"repository_owner_id", "65"},
             {"repository_visibility", "private"},
             {"run_id", "22259804324"},
             {"event_name", "push"},
             {"head_ref", ""},
             {"base_ref", ""},
             {"workflow_ref", "acme/shop/.github/workflows/deploy.yml@refs/heads/main"},
             {"job_workflow_ref", "acme/shop/.github/workflows/deploy.yml@refs/heads/main"},
             {"runner_environment", "github-hosted"}})
      claims.set(name, value);
    return claims;
  }
  Json gitlab() const {
    auto claims = base(kGitlab);
    claims.set("aud", "https://release.acme.example");
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"jti", crypto::random_id()},
             {"sub", "project_path:acme/shop:ref_type:branch:ref:main"},
             {"namespace_path", "acme"},
             {"project_id", "20"},
             {"project_path", "acme/shop"},
             {"pipeline_source", "push"},
             {"ref", "main"},
             {"ref_type", "branch"},
             {"ref_protected", "true"}})
      claims.set(name, value);
    return claims;
  }
  Json svid(std::string_view path = "/billing/ledger") const {
    auto claims = base(kTrustDomain);
    std::erase_if(*claims.if_object(), [](const auto& each) { return each.first == "iss"; });
    claims.set("sub", std::string(kTrustDomain) + std::string(path));
    return claims;
  }
  Json google() const {
    auto claims = base(kGoogle);
    claims.set("sub", "112010400000000710080");
    claims.set("azp", "112010400000000710080");
    claims.set("email", "reports@acme.iam.gserviceaccount.com");
    claims.set("email_verified", true);
    return claims;
  }
  Json aws() const {
    auto claims = base(kAws);
    claims.set("sub", "arn:aws:iam::123456789012:role/Export");
    claims.set("jti", crypto::random_id());
    claims.set("https://sts.amazonaws.com/", Json::object({{"aws_account", "123456789012"}}));
    return claims;
  }

  Fields by(const jose::PrivateJwk& key, const Json& claims, std::string_view client,
            std::optional<std::string_view> typ = "JWT", std::string_view type = kAssertionJwtBearer) const {
    Fields fields{{"client_assertion_type", std::string(type)},
                  {"client_assertion", jose::sign_jws(key, claims.dump(), typ).value()}};
    if (!client.empty()) fields.emplace_back("client_id", client);
    return fields;
  }
  // The client's id, or "error/reason".
  std::string authenticate(const Fields& fields) {
    const auto request = post("/oauth2/token", fields);
    const auto form = Form::parse(request.body).value();
    const auto credentials = Credentials::read(request, form);
    if (!credentials) return text(credentials.error());
    const auto client = workload_clients.authenticate(*credentials, clock.now());
    if (!client) return text(client.error());
    facts = client->workload();
    return client->id();
  }
  std::string text(const Refusal& refusal) {
    said = refusal.description;
    recorded = refusal.recorded();
    return std::string(error_name(refusal.error)) + "/" +
           (refusal.reason ? std::string(reason_code(*refusal.reason)) : "-");
  }
  std::string pod(const Json& claims, std::string_view client = "exporter") {
    return authenticate(by(platform_key, claims, client, std::nullopt));
  }
  std::string action(const Json& claims, std::string_view client = "deployer") {
    return authenticate(by(github_key, claims, client));
  }
  std::string action_with(std::initializer_list<std::pair<std::string_view, Json>> changes) {
    auto claims = github();
    for (const auto& [name, value] : changes) claims.set(name, value);
    return action(claims);
  }

  jose::PrivateJwk platform_key = new_key(), github_key = new_key();
  TrustedIssuers trusted_here = TrustedIssuers::of(issuers()).value();
  ClientAuthentication workload_clients{
      {.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl), .issuers = &trusted_here},
      directory,
      replays};
  TokenEndpoint here{{.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl)},
                     {.clock = clock,
                      .clients = workload_clients,
                      .tasks = tasks,
                      .trusted_issuers = trusted_here,
                      .verifier = verifier,
                      .minter = minter,
                      .replays = replays,
                      .current = current,
                      .record = record}};
  std::string said, recorded;  // of the last refusal
  WorkloadFacts facts;         // of the last client
};

inline constexpr std::string_view kNobody = "invalid_client/caller_unknown";

}  // namespace writ::oauth::testing
