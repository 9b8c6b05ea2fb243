// What the running whole consists of, in the order in which it begins. For server/app*.cc alone.
#pragma once

#include <atomic>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/access_api.h"
#include "api/api_keys_api.h"
#include "api/audit_api.h"
#include "api/calls_api.h"
#include "api/decide_api.h"
#include "api/entities_api.h"
#include "api/facts_api.h"
#include "api/grants_api.h"
#include "api/inventory_api.h"
#include "api/issuers_api.h"
#include "api/keys_api.h"
#include "api/metrics.h"
#include "api/observed.h"
#include "api/policies_api.h"
#include "api/reports_api.h"
#include "api/sessions_api.h"
#include "api/tasks_api.h"
#include "api/upstream_metrics.h"
#include "audit/log.h"
#include "authzen/authzen.h"
#include "config/accept.h"
#include "config/metrics_access.h"
#include "control/asked_facts.h"
#include "control/entities.h"
#include "control/tasks.h"
#include "gateway/proxy.h"
#include "http/client.h"
#include "http/endpoints.h"
#include "http/server.h"
#include "http/target.h"
#include "http/upstream_keeper.h"
#include "oauth/accepted_tokens.h"
#include "oauth/api_key_tokens.h"
#include "oauth/introspection_endpoint.h"
#include "oauth/key_refresher.h"
#include "oauth/logout_endpoint.h"
#include "oauth/metadata.h"
#include "oauth/revocation_endpoint.h"
#include "oauth/token_endpoint.h"
#include "policy/fact_sources.h"
#include "server/app.h"
#include "server/chores.h"
#include "server/client_bundles.h"
#include "server/evidence.h"
#include "server/fact_sources.h"
#include "server/oauth_workers.h"
#include "server/own_keys.h"
#include "server/resumed_clock.h"
#include "server/running_reports.h"
#include "server/settings.h"
#include "simulate/running.h"
#include "simulate/running_access.h"
#include "store/data_folder.h"
#include "store/proof_journal.h"
#include "store/sqlite_store.h"

namespace writ::server {

inline constexpr std::string_view kTokenPath = "/oauth2/token";
inline constexpr std::string_view kProviderKeysFolder = "provider-keys";

// Later members use earlier ones. The loops come first: the audit's thread hands outcomes back to them.
struct App::Parts {
  Parts(policy::Loaded loaded, store::DataFolder data, std::unique_ptr<store::SqliteStore> opened,
        std::unique_ptr<audit::Log> audit, std::unique_ptr<token::OwnKeys> own,
        std::unique_ptr<simulate::WhatIf> hypothetical, Instant began)
      : config(loaded.config),
        clock(system_clock, began, config.limits.clock_tolerance),
        folder(std::move(data)),
        store(std::move(opened)),
        log(std::move(audit)),
        keys(std::move(own)),
        current({directory.snapshot(), loaded.policies.snapshot, loaded.routes}),
        policies({clock, recorder, current, directory, [this](const policy::Loaded& now) { take_over(now); },
                  [this](const auto& next, const auto& world, const auto& change) {
                    return entities.under(policy::facts_rules(world, next), change);
                  },
                  [this](const config::World& world) { return fact_sources.make(world); }},
                 std::move(loaded)),
        what_if(std::move(hypothetical)) {
    directory.follow([this](auto snapshot) { current.replace(std::move(snapshot)); });
    keys->follow([this](const jose::JwkSet& set) { verifier.set_keys(set); });
  }

  Result<void> load(const config::World& world);
  void take_over(const policy::Loaded& now);
  Result<void> keep_prefixes();
  Result<void> check_links() const;
  Result<void> open_proofs();
  Result<void> serve();
  Result<void> serve_operators();
  http::ServerOptions options_of(const config::ListenAddress& listen, std::size_t room);
  void take_over_certificates(const config::ListenAddress& listen, http::Server* server);
  Result<void> add_endpoints();
  Result<void> add_oauth();
  Result<void> add_health(http::Endpoints& to);
  Result<void> add_metrics(http::Endpoints& to, config::MetricsAccess::Listener listener);
  Result<void> add_own_api(http::Endpoints& to, http::Workers& by);
  void look_after();
  void tidy();
  void tend_keys();
  void put_due_policies_in_force();
  void forget();
  http::Response metrics() const;
  void write_limits(api::PrometheusText& out) const;
  enforce::EnforcerParts enforcer_parts(task::CallApprovals* approvals);
  bool takes_part(std::string_view user) const;

  // In the order in which they stop.
  std::vector<http::Server*> servers() const {
    std::vector<http::Server*> all;
    for (auto* server : {gateway_server.get(), api_server.get(), operator_server.get()})
      if (server != nullptr) all.push_back(server);
    return all;
  }

  // What a proof allows is recorded after the proof is: neither is good without the other.
  Result<void> record(audit::Record entry) {
    if (proofs) TRY(proofs->wait());  // null: the start failed before
    return log->append(std::move(entry));
  }
  // What a provider signs with from now on, or what its tokens are taken for.
  Result<void> record_change(std::string_view issuer, const oauth::TrustedIssuers::Change& change) {
    const audit::Event changed{.type = change.event, .object = issuer, .detail = change.difference};
    return record(audit::make_record(clock.earliest(), changed));
  }
  void record_async(audit::Record entry, audit::Log::Done done) {
    if (!proofs->busy()) return log->append(std::move(entry), std::move(done));
    proofs->after([this, entry = std::move(entry), done = std::move(done)](Result<void> noted) mutable {
      if (!noted) return done(std::move(noted));
      log->append(std::move(entry), std::move(done));
    });
  }

  const config::Config config;
  const SystemClock system_clock;
  ResumedClock clock;
  // They stop before whoever asks them ends.
  FactSources fact_sources{clock};
  const control::Recorder recorder = [this](audit::Record entry) { return record(std::move(entry)); };
  std::atomic<bool> draining{false}, stopping{false};
  std::atomic<std::uint64_t> tokens_issued{0}, tokens_refused{0}, tasks_forgotten{0};

  const Room room = room_of(config);
  http::Loops loops{config.threads};
  std::optional<http::Loops> operator_loops;
  store::DataFolder folder;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<audit::Log> log;
  std::unique_ptr<store::ProofJournal> proofs;

  const std::unique_ptr<token::OwnKeys> keys;
  token::Revocations revocations{store.get()};
  token::MemoryReplayGuard replays{
      {.per_scope = config.limits.max_proofs_of_client, .total = config.limits.max_proofs},
      [this](const auto& used) { proofs->note(used); }};
  token::Verifier verifier{{.issuer = config.issuer, .foreign = &foreign},
                           keys->ring().snapshot()->public_keys,
                           revocations,
                           replays};
  token::TokenAttempts token_attempts{{config.limits.wrong_tokens_per_minute, config.proxies}};
  const token::Minter minter{keys->ring()};
  inventory::Directory directory{
      *store,
      {config.limits.max_unlisted_stops, [this](std::string_view id) { return takes_part(id); }, &clock}};
  inventory::ApiKeyRegistry api_keys{*store};
  enforce::Unlisted unlisted;
  enforce::Current current;
  facts::EntityRegistry entities{
      *store, {config.limits.max_entities}, [this](auto now) { current.replace(std::move(now)); }};
  policy::PoliciesInForce policies;
  task::Registry tasks{*store, config.tasks};
  task::CallApprovals calls{*store, config.approvals};
  task::WriteThread writer{*store, {config.database.max_waiting, config.database.max_wait}};
  RecordedWriter recorded_writer{writer, *log};
  std::vector<oauth::TrustedIssuer> trusted = config.trusted_issuers;
  oauth::KeyRefresher refresher{
      config.outbound,
      oauth::KeptKeys(config.data / kProviderKeysFolder, config.data_access),
      {clock, [](const std::string& line) { fmt::print(stderr, "writ: {}\n", line); },
       [this](auto issuer, auto difference) {
         return record_change(issuer, {"issuer.keys_changed", difference});
       }},
      trusted};
  ClientBundles bundles{{.outbound = config.outbound,
                         .clock = clock,
                         .folder = config.data / kProviderKeysFolder,
                         .writers = config.data_access,
                         .tell = [](const std::string& line) { fmt::print(stderr, "writ: {}\n", line); },
                         .record =
                             [this](auto issuer, auto difference) {
                               return record_change(issuer, {"issuer.keys_changed", difference});
                             }}};
  const oauth::TrustedIssuers issuers = *oauth::TrustedIssuers::of(std::move(trusted));
  const oauth::AcceptedTokens accepted{issuers, current, clock};
  const oauth::ApiKeyTokens foreign{api_keys, current, config.issuer,
                                    takes_others(config) ? &accepted : nullptr};
  const oauth::ClientAuthentication clients{
      {.issuer = config.issuer,
       .token_endpoint = config.issuer + std::string(kTokenPath),
       .attempts = {config.limits.wrong_secrets_per_minute, config.proxies},
       .issuers = &issuers},
      directory,
      *store};  // an assertion that was used stays used after a restart
  const oauth::RevocationEndpoint revocation_endpoint{{clock, clients, verifier, revocations, recorder}};
  const oauth::SessionEnds session_ends{{clock, issuers, revocations, tasks, recorder}};
  const oauth::LogoutEndpoint logout_endpoint{session_ends, token_attempts};
  const oauth::IntrospectionEndpoint introspection_endpoint{
      {clock, clients, verifier, tasks, current, recorder, keys->ring(), config.issuer}};

  // Calls of Writ's own API are approved as tasks or not at all: their bodies hold secrets.
  enforce::Enforcer gateway_enforcer{enforcer_parts(&calls)}, api_enforcer{enforcer_parts(nullptr)},
      authzen_enforcer{enforcer_parts(nullptr)};
  const enforce::Recheck recheck{enforcer_parts(&calls)};
  const control::Authority authority{clock, api_enforcer, recorder, config.issuer};
  const control::Tasks task_control{authority, current, tasks};
  const api::TasksApi tasks_api{task_control};
  const oauth::TokenEndpoint token_endpoint{
      {.issuer = config.issuer,
       .token_endpoint = config.issuer + std::string(kTokenPath),
       .token_lifetime = config.token_lifetime,
       .own_audience = config.api_audience,
       .bind_certificates = config.gateway_listen && config.gateway_listen->asks_certificates},
      {clock, clients, tasks, issuers, verifier, minter, replays, current, recorder, &task_control}};
  const std::function<void(const http::Response&)> count_token_answer =
      [this](const http::Response& response) {
        (response.status == 200 ? tokens_issued : tokens_refused).fetch_add(1, std::memory_order_relaxed);
      };
  OauthWorkers oauth_workers{clients, clock, config.threads};
  const control::Calls call_control{authority, current, calls};
  const api::CallsApi calls_api{call_control};
  const control::Identities identity_control{authority, directory, config::user_names(config), &unlisted,
                                             config::user_links(config)};
  const api::InventoryApi inventory_api{identity_control};
  const control::Grants grant_control{authority, directory, policies};
  const api::GrantsApi grants_api{grant_control};
  const control::PushedFacts entity_control{authority, entities};
  const api::EntitiesApi entities_api{entity_control};
  const control::AskedFacts facts_control{authority, current};
  const api::FactsApi facts_api{facts_control};
  const control::AuditTrail audit_control{authority, *log};
  const api::AuditApi audit_api{audit_control};
  const control::Policies policy_control{authority, policies};
  const api::PoliciesApi policies_api{policy_control};
  const api::IssuersApi issuers_api{authority, issuers};
  const api::SessionsApi sessions_api{authority, session_ends};
  const control::ApiKeys key_holders{authority, directory, api_keys};
  const api::ApiKeysApi api_keys_api{key_holders};
  const control::KeyRotation key_rotation{authority, *keys};
  const api::KeysApi keys_api{key_rotation};
  const std::unique_ptr<simulate::WhatIf> what_if;
  authzen::Authzen authzen{config.authzen,
                           {clock, authzen_enforcer, current,
                            [this](audit::Record entry, audit::Log::Done done) {
                              record_async(std::move(entry), std::move(done));
                            },
                            config.issuer}};

  const simulate::RunningSimulator simulator{
      {current, tasks, *what_if, config.issuer, config.token_lifetime, config.redact}};
  const control::Simulations simulation_control{authority, simulator};
  const api::DecideApi decide_api{simulation_control};
  const simulate::RunningAccess running_access;
  const control::Access access_control{authority, policies, running_access};
  const api::AccessApi access_api{access_control};
  const RunningReports running_reports{policies, api_keys, config.data / config.audit.file, stopping};
  const control::Reports report_control{authority, current, running_reports};
  const api::ReportsApi reports_api{report_control};
  // Such an answer may take seconds, and a report minutes, so that other readers do not wait for it.
  http::Workers access_readers{
      {.threads = 1, .max_queued = 16, .max_queued_per_source = 4, .background = true}};
  http::Workers report_readers{
      {.threads = 1, .max_queued = 8, .max_queued_per_source = 4, .background = true}};
  http::Client client{loops, client_options(config, room)};
  http::UpstreamKeeper upstreams{{loops, client, [this] { return current.get()->routes->upstreams(); }}};
  std::shared_ptr<gateway::Proxy> proxy;
  // Reading takes what is left of the processor; of operators with a listener of their own, its share.
  http::Workers readers{{.threads = 1, .max_queued = 128, .max_queued_per_source = 32, .background = true}};
  std::optional<http::Workers> operator_readers;
  std::shared_ptr<http::Endpoints> endpoints = std::make_shared<http::Endpoints>(http::Endpoints::Options{});
  const config::MetricsAccess metrics_access{config.metrics_token, config.proxies};
  // With loops, workers and descriptors of its own: what happens at the others does not hold it up.
  std::shared_ptr<http::Endpoints> operator_endpoints;
  std::unique_ptr<http::Server> api_server, gateway_server, operator_server;
  std::string api_url, gateway_url, operator_url;
  Forgetting forgetting_used{longest_assertion(config)};
  int looks = 0;
  Chores chores;
};

}  // namespace writ::server
