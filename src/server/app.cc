#include "server/app.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fmt/format.h>
#include <thread>

#include "api/audit_api.h"
#include "api/calls_api.h"
#include "api/decide_api.h"
#include "api/entities_api.h"
#include "api/inventory_api.h"
#include "api/issuers_api.h"
#include "api/metrics.h"
#include "api/observed.h"
#include "api/policies_api.h"
#include "api/tasks_api.h"
#include "audit/log.h"
#include "authzen/authzen.h"
#include "config/metrics_access.h"
#include "control/entities.h"
#include "control/tasks.h"
#include "gateway/proxy.h"
#include "http/client.h"
#include "http/endpoints.h"
#include "http/server.h"
#include "http/target.h"
#include "oauth/accepted_tokens.h"
#include "oauth/key_refresher.h"
#include "oauth/metadata.h"
#include "oauth/revocation_endpoint.h"
#include "oauth/token_endpoint.h"
#include "policy/fact_sources.h"
#include "server/chores.h"
#include "server/evidence.h"
#include "server/oauth_workers.h"
#include "server/resumed_clock.h"
#include "server/settings.h"
#include "simulate/running.h"
#include "store/data_folder.h"
#include "store/proof_journal.h"
#include "store/sqlite_store.h"
#include "task/write_thread.h"

namespace writ::server {
namespace {

constexpr std::chrono::seconds kStopDeadline{10};
constexpr std::chrono::seconds kLookAtClockEvery{1};
constexpr int kLooksBetweenTidying = 10;
constexpr std::string_view kTokenPath = "/oauth2/token";
constexpr std::string_view kRevocationPath = "/oauth2/revoke";
constexpr std::string_view kProofsFile = "proofs";
constexpr std::string_view kJwksPath = "/oauth2/jwks";
constexpr std::string_view kMetadataPath = "/.well-known/oauth-authorization-server";
constexpr std::string_view kProviderKeysFolder = "provider-keys";

// Whether a listener speaks TLS at all is for the next start.
void take_over_certificates(const config::ListenAddress& listen, http::Server* server) {
  if (server != nullptr && server->tls() != nullptr && listen.tls != nullptr) server->replace_tls(listen.tls);
}

}  // namespace

// Later members use earlier ones. The loops come first: the audit's thread hands outcomes back to them.
struct App::Parts {
  Parts(policy::Loaded loaded, store::DataFolder data, std::unique_ptr<store::SqliteStore> opened,
        std::unique_ptr<audit::Log> audit, std::unique_ptr<token::KeyRing> ring,
        std::unique_ptr<simulate::WhatIf> hypothetical, Instant began)
      : config(loaded.config),
        clock(system_clock, began, config.limits.clock_tolerance),
        folder(std::move(data)),
        store(std::move(opened)),
        log(std::move(audit)),
        keys(std::move(ring)),
        current({directory.snapshot(), loaded.policies.snapshot, loaded.routes}),
        policies({clock, recorder, current, directory, [this](const policy::Loaded& now) { take_over(now); },
                  [this](const auto& next, const auto& world, const auto& change) {
                    return entities.under(policy::facts_rules(world, next), change);
                  }},
                 loaded),
        what_if(std::move(hypothetical)) {
    directory.follow([this](auto snapshot) { current.replace(std::move(snapshot)); });
  }

  Result<void> load(const config::World& world);
  void take_over(const policy::Loaded& now);
  Result<void> open_proofs();
  Result<void> serve();
  Result<void> serve_operators();
  Result<void> add_endpoints();
  Result<void> add_oauth();
  Result<void> add_health(http::Endpoints& to);
  Result<void> add_metrics(http::Endpoints& to, config::MetricsAccess::Listener listener);
  Result<void> add_own_api(http::Endpoints& to, http::Workers& by);
  void look_after();
  void tidy();
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
  // What a provider signs with from now on.
  Result<void> record_keys(std::string_view issuer, std::string_view difference) {
    const audit::Event changed{.type = "issuer.keys_changed", .object = issuer, .detail = difference};
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

  const std::unique_ptr<token::KeyRing> keys;
  token::Revocations revocations{store.get()};
  token::MemoryReplayGuard replays{
      {.per_scope = config.limits.max_proofs_of_client, .total = config.limits.max_proofs},
      [this](const auto& used) { proofs->note(used); }};
  const token::Verifier verifier{
      {.issuer = config.issuer, .foreign = takes_others(config) ? &accepted : nullptr},
      keys->snapshot()->public_keys,
      revocations,
      replays};
  token::TokenAttempts token_attempts{{config.limits.wrong_tokens_per_minute, config.proxies}};
  const token::Minter minter{*keys};
  inventory::Directory directory{
      *store,
      {config.limits.max_unlisted_stops, [this](std::string_view id) { return takes_part(id); }, &clock}};
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
       [this](auto issuer, auto difference) { return record_keys(issuer, difference); }},
      trusted};
  const oauth::TrustedIssuers issuers = *oauth::TrustedIssuers::of(std::move(trusted));
  const oauth::AcceptedTokens accepted{issuers, current};
  const oauth::ClientAuthentication clients{
      {.issuer = config.issuer,
       .token_endpoint = config.issuer + std::string(kTokenPath),
       .attempts = {config.limits.wrong_secrets_per_minute, config.proxies}},
      directory,
      *store};  // an assertion that was used stays used after a restart
  const oauth::RevocationEndpoint revocation_endpoint{{clock, clients, verifier, revocations, recorder}};

  // Calls of Writ's own API are approved as tasks or not at all: their bodies hold secrets.
  enforce::Enforcer gateway_enforcer{enforcer_parts(&calls)}, api_enforcer{enforcer_parts(nullptr)},
      authzen_enforcer{enforcer_parts(nullptr)};
  const control::Authority authority{clock, api_enforcer, recorder, config.issuer};
  const control::Tasks task_control{authority, current, tasks};
  const api::TasksApi tasks_api{task_control};
  const oauth::TokenEndpoint token_endpoint{
      {.issuer = config.issuer,
       .token_endpoint = config.issuer + std::string(kTokenPath),
       .token_lifetime = config.token_lifetime,
       .own_audience = config.api_audience},
      {clock, clients, tasks, issuers, verifier, minter, replays, current, recorder, &task_control}};
  const std::function<void(const http::Response&)> count_token_answer =
      [this](const http::Response& response) {
        (response.status == 200 ? tokens_issued : tokens_refused).fetch_add(1, std::memory_order_relaxed);
      };
  OauthWorkers oauth_workers{clients, clock, config.threads};
  const control::Calls call_control{authority, current, calls};
  const api::CallsApi calls_api{call_control};
  const control::Identities identity_control{authority, directory, config::user_names(config), &unlisted};
  const api::InventoryApi inventory_api{identity_control};
  const control::PushedFacts entity_control{authority, entities};
  const api::EntitiesApi entities_api{entity_control};
  const control::AuditTrail audit_control{authority, *log};
  const api::AuditApi audit_api{audit_control};
  const control::Policies policy_control{authority, policies};
  const api::PoliciesApi policies_api{policy_control};
  const api::IssuersApi issuers_api{authority, issuers};
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
  http::Client client{loops, client_options(config, room)};
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
  Forgetting forgetting_used{oauth::kMaxAssertionLifetime + token::kClockSkew};
  int looks = 0;
  Chores chores;
};

enforce::EnforcerParts App::Parts::enforcer_parts(task::CallApprovals* approvals) {
  return {.clock = clock,
          .verifier = verifier,
          .current = current,
          .tasks = tasks,
          .record = [this](audit::Record entry,
                           audit::Log::Done done) { record_async(std::move(entry), std::move(done)); },
          .writer = recorded_writer,
          .calls = approvals,
          .attempts = &token_attempts,
          .unlisted = &unlisted};
}

// Who is not listed, and is the subject of a token or of a task.
bool App::Parts::takes_part(std::string_view user) const {
  if (verifier.in_use(user, times_of(clock))) return true;
  return std::ranges::any_of(tasks.all(), [&](const auto& live) {
    return (*live)->subject == user && !task::is_final(live->standing());
  });
}

// Proofs that were used before this start are refused; where nobody knows which those are, all that may be.
Result<void> App::Parts::open_proofs() {
  store::ProofJournalOptions options;
  options.max_places = std::max(options.places, 2 * config.limits.max_proofs);
  // The machine's end takes the last records of a log that is not durable, too.
  if (const auto last = log->written_until())
    options.unknown_until =
        (config.audit.durable ? *last : clock.now()) + token::kClockSkew + token::kProofLifetime;
  proofs = TRY(store::ProofJournal::open(config.data / kProofsFile, clock, options));
  replays.take_over(proofs->found());
  replays.distrust(proofs->unknown_until());
  return {};
}

Result<void> App::Parts::load(const config::World& world) {
  TRY(directory.load());
  TRY(directory.declare(world.declared));
  TRY(entities.load(policy::facts_rules(world, *policies.get())));
  TRY(tasks.load());
  TRY(calls.load());
  return revocations.load();
}

// Certificates are for connections that come, and providers' keys for tokens.
void App::Parts::take_over(const policy::Loaded& now) {
  take_over_certificates(now.config.api_listen, api_server.get());
  if (now.config.gateway_listen) take_over_certificates(*now.config.gateway_listen, gateway_server.get());
  if (now.config.operator_listen) take_over_certificates(*now.config.operator_listen, operator_server.get());
  const auto taken = issuers.take_over(now.config.trusted_issuers, [this](auto issuer, auto difference) {
    return record_keys(issuer, difference);
  });
  if (!taken) fmt::print(stderr, "writ: the providers' keys stay as they were: {}\n", taken.error().message);
}

Result<void> App::Parts::add_oauth() {
  const auto quick = http::Cost::kQuick;
  using http::PathValues;
  using http::Request;
  endpoints->guard("/oauth2/", [this](http::Exchange exchange, http::Endpoints::Pass pass) {
    oauth_workers.gate(std::move(exchange), std::move(pass));
  });
  TRY(endpoints->add_async(
      "POST", kTokenPath,
      [this](http::Exchange exchange, const PathValues&) {
        oauth_workers.issue(token_endpoint, std::move(exchange), count_token_answer);
      },
      oauth::kMaxFormBytes));
  TRY(endpoints->add_async(
      "POST", kRevocationPath,
      [this](http::Exchange exchange, const PathValues&) {
        oauth_workers.serve([this](const Request& request) { return revocation_endpoint.handle(request); },
                            std::move(exchange));
      },
      oauth::kMaxFormBytes));
  TRY(endpoints->add("GET", kJwksPath, quick,
                     [this](const Request&, const PathValues&) { return oauth::jwks_response(*keys); }));
  const auto metadata_of_writ = [this](const Request&, const PathValues&) {
    const auto at = [this](std::string_view path) { return config.issuer + std::string(path); };
    return oauth::metadata_response({config.issuer, at(kTokenPath), at(kJwksPath), at(kRevocationPath)});
  };
  TRY(endpoints->add("GET", kMetadataPath, quick, metadata_of_writ));
  // RFC 8414 §3.1: of an issuer with a path, it is in front of that.
  const auto path = http::parse_target(oauth::path_of_issuer(config.issuer));
  if (!path) return {};
  return endpoints->add("GET", std::string(kMetadataPath) + path->path, quick, metadata_of_writ);
}

Result<void> App::Parts::add_health(http::Endpoints& to) {
  const auto quick = http::Cost::kQuick;
  TRY(to.add("GET", "/healthz", quick, [](const http::Request&, const http::PathValues&) {
    return http::json_response(200, R"({"status":"ok"})");
  }));
  // Not ready: what comes now would be refused, because it ends, cannot write its audit, or nobody knows what
  // time it is.
  return to.add("GET", "/readyz", quick, [this](const http::Request&, const http::PathValues&) {
    if (draining) return http::json_response(503, R"({"status":"stopping"})");
    if (const auto trouble = clock.trouble())
      return http::json_response(503,
                                 codec::Json::object({{"status", "clock_set"}, {"detail", *trouble}}).dump());
    if (!log->available()) return http::json_response(503, R"({"status":"audit_unavailable"})");
    return api::ready_response(*current.get());
  });
}

Result<void> App::Parts::add_metrics(http::Endpoints& to, config::MetricsAccess::Listener listener) {
  return to.add("GET", "/metrics", http::Cost::kQuick,
                [this, listener](const http::Request& request, const http::PathValues&) {
                  auto refused = metrics_access.refuse(request, listener);
                  return refused ? *std::move(refused) : metrics();
                });
}

void App::Parts::write_limits(api::PrometheusText& out) const {
  std::vector<std::pair<std::string_view, http::WorkerStats>> pools = {
      {"api", endpoints->stats()},
      {"reads", readers.stats()},
      {"authzen", authzen.workers()},
      {"token_known", oauth_workers.known()},
      {"token_assertions", oauth_workers.assertions()},
      {"token_secrets", oauth_workers.secrets()},
      {"token_guesses", oauth_workers.guesses()}};
  if (proxy) pools.emplace_back("gateway", proxy->stats().workers);
  if (operator_endpoints) pools.emplace_back("operator", operator_endpoints->stats());
  if (operator_readers) pools.emplace_back("operator_reads", operator_readers->stats());
  api::write_workers(out, pools);
  api::write_attempts(out, "writ_client_secrets_total",
                      "Client secrets that had to be hashed, and guesses refused.", clients.attempts());
  api::write_attempts(
      out, "writ_tokens_looked_at_total",
      "Tokens whose signature had to be looked at, and those of sources that were wrong too often.",
      token_attempts.stats());
  api::write_task_limits(out, tasks.refused(), calls.refused());
  out.family("writ_upstream_over_share_total", "counter",
             "Requests refused because their caller had its share of an upstream's places.");
  out.sample("writ_upstream_over_share_total", "", client.stats().over_share);
  api::write_issuers(out, refresher.status(), clock.now());
}

http::Response App::Parts::metrics() const {
  api::PrometheusText out;
  out.family("writ_decisions_total", "counter", "Decisions by enforcement point, outcome and reason.");
  api::write_decisions(out, "gateway", gateway_enforcer.stats());
  api::write_decisions(out, "api", api_enforcer.stats());
  api::write_decisions(out, "authzen", authzen_enforcer.stats());
  api::write_observed(out, gateway_enforcer.stats(), *current.get());
  out.family("writ_evaluations_total", "counter", "AuthZEN evaluations by their answer.");
  out.sample("writ_evaluations_total", "decision=\"permit\"", authzen.permits());
  out.sample("writ_evaluations_total", "decision=\"deny\"", authzen.denies());
  out.family("writ_token_requests_total", "counter", "Token requests by their result.");
  out.sample("writ_token_requests_total", "result=\"issued\"", tokens_issued.load());
  out.sample("writ_token_requests_total", "result=\"refused\"", tokens_refused.load());
  api::write_audit(out, log->stats(), log->head().seq);
  if (proxy) api::write_gateway(out, proxy->stats());
  out.family("writ_http_total", "counter", "Connections and requests by listener.");
  if (api_server) api::write_listener(out, "api", api_server->stats());
  if (gateway_server) api::write_listener(out, "gateway", gateway_server->stats());
  if (operator_server) api::write_listener(out, "operator", operator_server->stats());
  out.family("writ_http_connections", "gauge", "Connections that are open, by listener.");
  if (api_server) api::write_connections(out, "api", api_server->stats());
  if (gateway_server) api::write_connections(out, "gateway", gateway_server->stats());
  if (operator_server) api::write_connections(out, "operator", operator_server->stats());
  api::write_certificates(
      out,
      {{"api", api_server.get()}, {"gateway", gateway_server.get()}, {"operator", operator_server.get()}});
  write_limits(out);
  api::write_identities(out, *directory.snapshot(), directory.stops_refused());
  api::write_entities(out, *entities.snapshot());
  out.family("writ_tasks", "gauge", "Tasks known, live or not.");
  out.sample("writ_tasks", "", tasks.size());
  out.family("writ_proofs_remembered", "gauge", "DPoP proofs that were used within their lifetime.");
  out.sample("writ_proofs_remembered", "", replays.size());
  out.family("writ_proofs_refused_total", "counter",
             "Proofs refused because their client has as many as are remembered.");
  out.sample("writ_proofs_refused_total", "", replays.refused());
  out.family("writ_revocations", "gauge", "Revoked tokens that are remembered.");
  out.sample("writ_revocations", "", revocations.size());
  out.family("writ_clock_apart_seconds", "gauge",
             "How far the system's clock was set while Writ runs, ahead or back.");
  out.sample("writ_clock_apart_seconds", "", std::chrono::round<std::chrono::seconds>(clock.apart()).count());
  out.family("writ_clock_jumps_total", "counter", "How often it was set by more than is tolerated.");
  out.sample("writ_clock_jumps_total", "", clock.jumps());
  out.family("writ_tasks_forgotten_total", "counter", "Tasks that were over for long enough.");
  out.sample("writ_tasks_forgotten_total", "", tasks_forgotten.load());
  out.family("writ_approvals", "gauge", "Calls that people were asked to approve, as far as they are kept.");
  out.sample("writ_approvals", "", calls.size());
  api::write_waits(out, writer.stats());
  out.family("writ_policy_revision_info", "gauge", "The policies in force, by revision.");
  out.sample("writ_policy_revision_info", fmt::format("revision=\"{}\"", policies.get()->revision), 1);
  out.family("writ_policy_files_refused", "gauge",
             "1: the configuration and its policies were refused when they were read last; what was in force "
             "stays.");
  out.sample("writ_policy_files_refused", "", policies.refused() ? 1 : 0);
  auto response = http::text_response(200, out.take());
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

Result<void> App::Parts::add_endpoints() {
  TRY(add_oauth());
  TRY(add_health(*endpoints));
  // The operator's listener has them instead.
  if (!config.operator_listen) TRY(add_metrics(*endpoints, config::MetricsAccess::Listener::kApi));
  TRY(add_own_api(*endpoints, readers));
  return authzen.add_to(*endpoints);
}

Result<void> App::Parts::add_own_api(http::Endpoints& to, http::Workers& by) {
  to.guard("/v1/", [this](http::Exchange exchange, http::Endpoints::Pass pass) {
    api::gate(authority, std::move(exchange), std::move(pass));
  });
  TRY(tasks_api.add_to(to, by));
  TRY(calls_api.add_to(to, by));
  TRY(inventory_api.add_to(to, by));
  TRY(entities_api.add_to(to, by));
  TRY(audit_api.add_to(to, by));
  TRY(policies_api.add_to(to, by));
  TRY(issuers_api.add_to(to));
  return decide_api.add_to(to);
}

Result<void> App::Parts::serve_operators() {
  if (!config.operator_listen) return {};
  operator_loops.emplace(1);
  operator_readers.emplace(http::WorkerOptions{.threads = 1});
  operator_endpoints = std::make_shared<http::Endpoints>(http::Endpoints::Options{});
  TRY(add_health(*operator_endpoints));
  TRY(add_metrics(*operator_endpoints, config::MetricsAccess::Listener::kOperator));
  TRY(add_own_api(*operator_endpoints, *operator_readers));
  operator_server = TRY(http::Server::start(
      *operator_loops, server_options(config, *config.operator_listen, room.operators), operator_endpoints));
  operator_url = config.operator_listen->url(operator_server->port());
  return {};
}

Result<void> App::Parts::serve() {
  TRY(add_endpoints());
  refresher.start();
  if (config.gateway_listen) {
    proxy = std::make_shared<gateway::Proxy>(
        gateway::ProxyOptions{
            .issuer = config.issuer,
            .public_origin = config.public_origin,
            .max_read_body_bytes = static_cast<std::size_t>(config.limits.max_body_bytes),
            .issuers_of = [this](std::string_view api) { return accepted.issuers_of(api, config.issuer); },
            .answer_deadline = config.limits.upstream_timeout,
            .tell = [](const std::string& line) { fmt::print(stderr, "writ: {}\n", line); }},
        gateway::ProxyParts{loops, client, gateway_enforcer, current, *keys});
    gateway_server =
        TRY(http::Server::start(loops, server_options(config, *config.gateway_listen, room.gateway), proxy));
    gateway_url = config.gateway_listen->url(gateway_server->port());
  }
  TRY(serve_operators());
  // The last: who asks /readyz and gets an answer finds everything else open.
  api_server =
      TRY(http::Server::start(loops, server_options(config, config.api_listen, room.api), endpoints));
  api_url = config.api_listen.url(api_server->port());
  chores.start(kLookAtClockEvery, [this] { look_after(); });
  return {};
}

void App::Parts::look_after() {
  if (const auto line = clock.watch()) std::fprintf(stderr, "writ: %s\n", line->c_str());
  if (++looks % kLooksBetweenTidying == 0) tidy();
  if (looks % kLooksBetweenKeepingUse == 0) keep_use(directory);
}

// What is over need not be kept: revoked tokens and used assertions and proofs, tasks, and the arguments of
// calls that were not approved. What fails is tried again.
void App::Parts::tidy() {
  replays.prune(clock.earliest());
  forget();
  if (const auto done = calls.prune(clock.earliest()); !done)
    std::fprintf(stderr, "writ: could not delete approvals that are over: %s\n",
                 done.error().message.c_str());
  const auto forgotten = tasks.tidy(clock);
  if (forgotten) return void(tasks_forgotten.fetch_add(*forgotten, std::memory_order_relaxed));
  std::fprintf(stderr, "writ: could not delete tasks that are over: %s\n", forgotten.error().message.c_str());
}

// What refuses, when no clock alone says so.
void App::Parts::forget() {
  auto done = revocations.prune(clock.earliest(), clock.running());
  const auto until = forgetting_used.until(clock.earliest(), clock.running());
  if (done && until) done = store->forget_used(*until);
  if (!done) std::fprintf(stderr, "writ: could not delete what is over: %s\n", done.error().message.c_str());
}

App::App(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

App::~App() {
  stop();
}

Result<std::unique_ptr<App>> App::start(policy::Loaded loaded, bool accept_clock,
                                        std::optional<std::uint64_t> accept_lost_audit) {
  const config::Config& config = loaded.config;
  TRY(oauth::TrustedIssuers::of(config.trusted_issuers));
  auto what_if = TRY(simulate::WhatIf::make(config.issuer));
  TRY(check_data_access(config));
  auto folder = TRY(store::DataFolder::open(config.data));
  auto store = TRY(store::SqliteStore::open(config.data / store::kDatabaseFile));
  auto keys = TRY(open_keys(*store, config.token_algorithm));
  auto log = TRY(open_audit_log(config, *store, accept_lost_audit));
  const auto began = TRY(first_instant(*log, SystemClock().now(), accept_clock));
  log->not_before(began);
  const auto world = loaded.world;
  const auto texts = loaded.texts;
  std::unique_ptr<App> app(
      new App(std::make_unique<Parts>(std::move(loaded), std::move(folder), std::move(store), std::move(log),
                                      std::move(keys), std::move(what_if), began)));
  auto& parts = *app->parts_;
  TRY(parts.open_proofs());
  TRY(parts.policies.start(texts));
  TRY(parts.load(world));
  const audit::Event started{
      .type = "server.started", .detail = parts.policies.get()->revision, .standing = audit::Standing::kStop};
  TRY(parts.record(audit::make_record(parts.clock.earliest(), started)));
  TRY(parts.serve());
  return app;
}

const std::string& App::api_url() const noexcept {
  return parts_->api_url;
}
const std::string& App::gateway_url() const noexcept {
  return parts_->gateway_url;
}

Result<void> App::reopen_audit() {
  return parts_->log->reopen();
}

const std::string& App::operator_url() const noexcept {
  return parts_->operator_url;
}

policy::PoliciesInForce& App::policies() noexcept {
  return parts_->policies;
}

void App::drain() {
  parts_->draining = true;
  for (auto* server : parts_->servers()) server->begin_drain();
  std::this_thread::sleep_for(parts_->config.limits.drain_grace);
}

bool App::stop() {
  parts_->draining = true;
  if (parts_->stopping.exchange(true)) return true;
  bool whole = true;
  // Requests that wait for a provider go on first.
  parts_->refresher.stop();
  // The operator's is the last: whoever has to stop something can until the end.
  const auto deadline = std::chrono::steady_clock::now() + kStopDeadline;
  for (auto* server : parts_->servers()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    whole = server->stop(std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), {})) && whole;
  }
  parts_->loops.stop();
  if (parts_->operator_loops) parts_->operator_loops->stop();
  parts_->chores.stop();
  parts_->writer.stop();
  whole = parts_->tasks.settle().has_value() && whole;
  whole = keep_use(parts_->directory) && whole;
  const audit::Event stopped{.type = "server.stopped", .standing = audit::Standing::kStop};
  return parts_->record(audit::make_record(parts_->clock.earliest(), stopped)).has_value() && whole;
}

}  // namespace writ::server
