#include "server/app.h"

#include <fmt/format.h>

#include "audit/log.h"
#include "gateway/proxy.h"
#include "http/client.h"
#include "http/endpoints.h"
#include "http/server.h"
#include "oauth/metadata.h"
#include "oauth/revocation_endpoint.h"
#include "oauth/token_endpoint.h"
#include "server/audit_api.h"
#include "server/authzen.h"
#include "server/calls_api.h"
#include "server/data_folder.h"
#include "server/decide_api.h"
#include "server/housekeeping.h"
#include "server/inventory_api.h"
#include "server/metrics.h"
#include "server/policies_api.h"
#include "server/resumed_clock.h"
#include "server/task_desk.h"
#include "server/tasks_api.h"
#include "store/proof_journal.h"
#include "store/sqlite_store.h"

namespace writ::server {
namespace {

constexpr std::chrono::seconds kStopDeadline{10};
constexpr std::chrono::seconds kWatchClockEvery{1};
constexpr std::chrono::seconds kForgetProofsEvery{10};
constexpr std::chrono::minutes kForgetEvery{1};
constexpr std::string_view kTokenPath = "/oauth2/token";
constexpr std::string_view kRevocationPath = "/oauth2/revoke";
constexpr std::string_view kProofsFile = "proofs";
constexpr std::string_view kJwksPath = "/oauth2/jwks";

using Policies = std::shared_ptr<const decision::PolicySnapshot>;

// The keys of the last run, or new ones at the first.
Result<std::unique_ptr<token::KeyRing>> open_keys(store::SqliteStore& store, crypto::Algorithm algorithm) {
  auto keys = TRY(store.load_keys());
  // Another algorithm than configured: a new key signs, and the old ones go on to verify.
  if (keys.empty() || keys.front().algorithm() != algorithm) {
    auto key = TRY(jose::PrivateJwk::generate(algorithm));
    TRY(store.save_key(key));
    keys.insert(keys.begin(), std::move(key));
  }
  return token::KeyRing::of(std::move(keys));
}

http::ServerOptions server_options(const Config& config, const ListenAddress& listen) {
  return {.address = listen.address,
          .port = listen.port,
          .max_connections = config.limits.max_connections,
          .max_head_bytes = config.limits.max_head_bytes,
          .max_body_bytes = config.limits.max_body_bytes,
          .max_stream_bytes = config.limits.max_stream_bytes};
}

std::filesystem::path audit_path(const Config& config) {
  return config.data / config.audit_file;  // an absolute one stays as it is
}

// What was recorded had happened: no clock takes it back.
Result<Instant> first_instant(const audit::Log& log, Instant now, bool accept_clock) {
  const auto written = log.written_until();
  if (!written || *written <= now || accept_clock) return now;
  if (*written - now <= kMaxSetBack) return *written;
  return failure(
      ErrorCode::kConflict,
      fmt::format("the clock was set back: it says {}, but the audit log `{}` was written until {}, and what "
                  "had expired by then would be good again; set the clock right, or start with "
                  "`--accept-clock` when it was wrong before",
                  audit::format_time(now), log.path().string(), audit::format_time(*written)));
}

}  // namespace

// Later members use earlier ones. The loops come first: the audit's thread hands outcomes back to them.
struct App::Parts {
  Parts(Loaded loaded, DataFolder data, std::unique_ptr<store::SqliteStore> opened,
        std::unique_ptr<audit::Log> audit, std::unique_ptr<token::KeyRing> ring,
        oauth::TrustedIssuers trusted, std::unique_ptr<WhatIf> hypothetical, Instant began)
      : config(loaded.config),
        clock(system_clock, began, config.limits.clock_tolerance),
        policies({clock, recorder, [this](const Loaded& now) { return take_over(now); }}, loaded),
        folder(std::move(data)),
        store(std::move(opened)),
        log(std::move(audit)),
        keys(std::move(ring)),
        issuers(std::move(trusted)),
        what_if(std::move(hypothetical)),
        routes(std::move(loaded.routes)) {}

  Result<void> load(const inventory::Change& declared);
  Result<void> open_proofs();
  Result<void> take_over(const Loaded& now);
  Result<void> serve();
  Result<void> add_endpoints();
  Result<void> add_oauth();
  Result<void> add_health();
  void keep_house();
  void forget();
  http::Response metrics() const;
  gateway::EnforcerParts enforcer_parts(task::CallApprovals* approvals);

  std::function<Policies()> policy_source() {
    return [this] { return policies.get(); };
  }
  // What a proof allows is recorded after the proof is: neither is good without the other.
  Result<void> record(audit::Record entry) {
    TRY(proofs->wait());
    auto written = log->append(std::move(entry));
    audit_fails.store(!written, std::memory_order_relaxed);
    return written;
  }
  void record_async(audit::Record entry, audit::Log::Done done) {
    auto append = [this, entry = std::move(entry), done = std::move(done)](Result<void> noted) mutable {
      if (!noted) return done(std::move(noted));
      log->append(std::move(entry), [this, done = std::move(done)](Result<void> written) mutable {
        audit_fails.store(!written, std::memory_order_relaxed);
        done(std::move(written));
      });
    };
    proofs->after(std::move(append));
  }

  const Config config;
  const SystemClock system_clock;
  ResumedClock clock;
  const oauth::Recorder recorder = [this](audit::Record entry) { return record(std::move(entry)); };
  PoliciesInForce policies;
  std::atomic<bool> stopping{false}, audit_fails{false};
  std::atomic<std::uint64_t> tokens_issued{0}, tokens_refused{0};

  http::Loops loops{config.threads};
  DataFolder folder;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<audit::Log> log;
  std::unique_ptr<store::ProofJournal> proofs;

  const std::unique_ptr<token::KeyRing> keys;
  token::Revocations revocations{store.get()};
  token::MemoryReplayGuard replays{
      {.per_scope = config.limits.max_proofs_of_client, .total = config.limits.max_proofs},
      [this](const auto& used) { proofs->note(used); }};
  const token::Verifier verifier{
      {.issuer = config.issuer}, keys->snapshot()->public_keys, revocations, replays};
  const token::Minter minter{*keys};
  inventory::Directory directory{*store};
  task::Registry tasks{*store};
  task::CallApprovals calls{*store};

  const oauth::TrustedIssuers issuers;
  const oauth::ClientAuthentication clients{
      {.issuer = config.issuer, .token_endpoint = config.issuer + std::string(kTokenPath)},
      directory,
      *store};  // an assertion that was used stays used after a restart
  const oauth::RevocationEndpoint revocation_endpoint{{clock, clients, verifier, revocations, recorder}};

  // Calls of Writ's own API are approved as tasks or not at all: their bodies hold secrets.
  gateway::Enforcer gateway_enforcer{enforcer_parts(&calls)}, api_enforcer{enforcer_parts(nullptr)},
      authzen_enforcer{enforcer_parts(nullptr)};
  const OwnApi own_api{clock, api_enforcer, recorder, config.issuer};
  const TasksApi tasks_api{own_api, directory, tasks, policy_source()};
  TaskDesk task_desk{tasks_api, tasks, clock, recorder, config.api_audience};
  const oauth::TokenEndpoint token_endpoint{
      {.issuer = config.issuer,
       .token_endpoint = config.issuer + std::string(kTokenPath),
       .token_lifetime = config.token_lifetime},
      {clock, clients, tasks, issuers, verifier, minter, replays, policy_source(), recorder, &task_desk}};
  const CallsApi calls_api{own_api, directory, calls};
  const InventoryApi inventory_api{own_api, directory};
  const AuditApi audit_api{own_api, *log};
  const PoliciesApi policies_api{own_api, policies};
  const std::unique_ptr<WhatIf> what_if;
  Authzen authzen{config.authzen,
                  {clock, authzen_enforcer, directory, policy_source(),
                   [this](audit::Record entry, audit::Log::Done done) {
                     record_async(std::move(entry), std::move(done));
                   },
                   config.issuer}};

  Published<gateway::Routes> routes;
  const DecideApi decide_api{{own_api, config, policies, directory, tasks, routes, *what_if}};
  http::Client client{loops, {.read_timeout = config.limits.upstream_timeout}};
  std::shared_ptr<gateway::Proxy> proxy;
  std::shared_ptr<http::Endpoints> endpoints = std::make_shared<http::Endpoints>(http::Endpoints::Options{});
  std::unique_ptr<http::Server> api_server, gateway_server;
  std::string api_url, gateway_url;
  Forgetting forgetting_used{oauth::kMaxAssertionLifetime + token::kClockSkew};
  Housekeeping housekeeping;
};

gateway::EnforcerParts App::Parts::enforcer_parts(task::CallApprovals* approvals) {
  return {.clock = clock,
          .verifier = verifier,
          .inventory = directory,
          .tasks = tasks,
          .policies = policy_source(),
          .record = [this](audit::Record entry,
                           audit::Log::Done done) { record_async(std::move(entry), std::move(done)); },
          .calls = approvals};
}

// Proofs that were used before this start are refused; where nobody knows which those are, all that may be.
Result<void> App::Parts::open_proofs() {
  store::ProofJournalOptions options;
  options.max_places = std::max(options.places, 2 * config.limits.max_proofs);
  proofs = TRY(store::ProofJournal::open(config.data / kProofsFile, clock, options));
  replays.take_over(proofs->found());
  const auto last = log->written_until();
  if (!proofs->whole() && last) replays.distrust(*last + token::kClockSkew + token::kProofLifetime);
  return {};
}

Result<void> App::Parts::load(const inventory::Change& declared) {
  TRY(directory.load());
  TRY(directory.declare(declared));
  TRY(tasks.load());
  TRY(calls.load());
  return revocations.load();
}

// What the configuration says now of identities, APIs and routes.
Result<void> App::Parts::take_over(const Loaded& now) {
  TRY(directory.declare(now.world.declared));
  routes.replace(now.routes);
  if (proxy) proxy->replace_routes(now.routes);
  return {};
}

Result<void> App::Parts::add_oauth() {
  const auto quick = http::Cost::kQuick, slow = http::Cost::kSlow;
  using http::PathValues;
  using http::Request;
  TRY(endpoints->add("POST", kTokenPath, slow, [this](const Request& request, const PathValues&) {
    auto response = token_endpoint.handle(request);
    (response.status == 200 ? tokens_issued : tokens_refused).fetch_add(1, std::memory_order_relaxed);
    return response;
  }));
  TRY(endpoints->add("POST", kRevocationPath, slow, [this](const Request& request, const PathValues&) {
    return revocation_endpoint.handle(request);
  }));
  TRY(endpoints->add("GET", kJwksPath, quick,
                     [this](const Request&, const PathValues&) { return oauth::jwks_response(*keys); }));
  return endpoints->add(
      "GET", "/.well-known/oauth-authorization-server", quick, [this](const Request&, const PathValues&) {
        const auto at = [this](std::string_view path) { return config.issuer + std::string(path); };
        return oauth::metadata_response({config.issuer, at(kTokenPath), at(kJwksPath), at(kRevocationPath)});
      });
}

Result<void> App::Parts::add_health() {
  const auto quick = http::Cost::kQuick;
  TRY(endpoints->add("GET", "/healthz", quick, [](const http::Request&, const http::PathValues&) {
    return http::json_response(200, R"({"status":"ok"})");
  }));
  // Not ready: what comes now would be refused, because it ends, cannot write its audit, or nobody knows what
  // time it is.
  TRY(endpoints->add("GET", "/readyz", quick, [this](const http::Request&, const http::PathValues&) {
    if (stopping) return http::json_response(503, R"({"status":"stopping"})");
    if (const auto trouble = clock.trouble())
      return http::json_response(503,
                                 codec::Json::object({{"status", "clock_set"}, {"detail", *trouble}}).dump());
    if (audit_fails) return http::json_response(503, R"({"status":"audit_unavailable"})");
    return http::json_response(200, R"({"status":"ready"})");
  }));
  return endpoints->add("GET", "/metrics", quick,
                        [this](const http::Request&, const http::PathValues&) { return metrics(); });
}

http::Response App::Parts::metrics() const {
  PrometheusText out;
  out.family("writ_decisions_total", "counter", "Decisions by enforcement point, outcome and reason.");
  write_decisions(out, "gateway", gateway_enforcer.stats());
  write_decisions(out, "api", api_enforcer.stats());
  write_decisions(out, "authzen", authzen_enforcer.stats());
  out.family("writ_evaluations_total", "counter", "AuthZEN evaluations by their answer.");
  out.sample("writ_evaluations_total", "decision=\"permit\"", authzen.permits());
  out.sample("writ_evaluations_total", "decision=\"deny\"", authzen.denies());
  out.family("writ_token_requests_total", "counter", "Token requests by their result.");
  out.sample("writ_token_requests_total", "result=\"issued\"", tokens_issued.load());
  out.sample("writ_token_requests_total", "result=\"refused\"", tokens_refused.load());
  write_audit(out, log->stats(), log->head().seq);
  if (proxy) write_gateway(out, proxy->stats());
  out.family("writ_http_total", "counter", "Connections and requests by listener.");
  if (api_server) write_listener(out, "api", api_server->stats());
  if (gateway_server) write_listener(out, "gateway", gateway_server->stats());
  out.family("writ_identities", "gauge", "Identities in the inventory.");
  out.sample("writ_identities", "", directory.snapshot()->size());
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
  out.family("writ_policy_revision_info", "gauge", "The policies in force, by revision.");
  out.sample("writ_policy_revision_info", fmt::format("revision=\"{}\"", policies.get()->revision), 1);
  auto response = http::text_response(200, out.take());
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

Result<void> App::Parts::add_endpoints() {
  TRY(add_oauth());
  TRY(add_health());
  TRY(tasks_api.add_to(*endpoints));
  TRY(calls_api.add_to(*endpoints));
  TRY(inventory_api.add_to(*endpoints));
  TRY(audit_api.add_to(*endpoints));
  TRY(policies_api.add_to(*endpoints));
  TRY(decide_api.add_to(*endpoints));
  return authzen.add_to(*endpoints);
}

Result<void> App::Parts::serve() {
  TRY(add_endpoints());
  if (config.gateway_listen) {
    proxy = std::make_shared<gateway::Proxy>(
        gateway::ProxyOptions{.issuer = config.issuer,
                              .public_origin = config.public_origin,
                              .max_read_body_bytes = static_cast<std::size_t>(config.limits.max_body_bytes)},
        gateway::ProxyParts{loops, client, gateway_enforcer, *keys}, routes.get());
    gateway_server = TRY(http::Server::start(loops, server_options(config, *config.gateway_listen), proxy));
    gateway_url = "http://" + ListenAddress{config.gateway_listen->address, gateway_server->port()}.text();
  }
  // The last: who asks /readyz and gets an answer finds everything else open.
  api_server = TRY(http::Server::start(loops, server_options(config, config.api_listen), endpoints));
  api_url = "http://" + ListenAddress{config.api_listen.address, api_server->port()}.text();
  keep_house();
  return {};
}

void App::Parts::keep_house() {
  const auto watch_clock = [this] {
    if (const auto line = clock.watch()) fmt::print(stderr, "writ: {}\n", *line);
  };
  housekeeping.start({{kWatchClockEvery, watch_clock},
                      {kForgetProofsEvery, [this] { replays.prune(clock.earliest()); }},
                      {kForgetEvery, [this] { forget(); }}});
}

// Revoked tokens and used assertions that are over need not be remembered, nor the arguments of calls that
// were not approved. What fails is tried again.
void App::Parts::forget() {
  const auto earliest = clock.earliest();
  (void)revocations.prune(earliest, clock.running());
  if (const auto until = forgetting_used.until(earliest, clock.running())) (void)store->forget_used(*until);
  (void)calls.prune(earliest);
}

App::App(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

App::~App() {
  stop();
}

Result<std::unique_ptr<App>> App::start(Loaded loaded, bool accept_clock) {
  const Config& config = loaded.config;
  auto issuers = TRY(oauth::TrustedIssuers::of(config.trusted_issuers));
  auto what_if = TRY(WhatIf::make(config.issuer));
  auto folder = TRY(DataFolder::open(config.data));
  auto store = TRY(store::SqliteStore::open(config.data / kDatabaseFile));
  auto keys = TRY(open_keys(*store, config.token_algorithm));
  auto log =
      TRY(audit::Log::open(audit_path(config), {.durable = config.audit_durable}, SystemClock().now()));
  const auto began = TRY(first_instant(*log, SystemClock().now(), accept_clock));
  const auto declared = loaded.world.declared;
  const auto texts = loaded.texts;
  std::unique_ptr<App> app(
      new App(std::make_unique<Parts>(std::move(loaded), std::move(folder), std::move(store), std::move(log),
                                      std::move(keys), std::move(issuers), std::move(what_if), began)));
  auto& parts = *app->parts_;
  TRY(parts.open_proofs());
  TRY(parts.policies.start(texts));
  TRY(parts.load(declared));
  const audit::Event started{.type = "server.started", .detail = parts.policies.get()->revision};
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

PoliciesInForce& App::policies() noexcept {
  return parts_->policies;
}

bool App::stop() {
  if (parts_->stopping.exchange(true)) return true;
  bool whole = true;
  for (auto* server : {parts_->gateway_server.get(), parts_->api_server.get()}) {
    if (server != nullptr) whole = server->stop(kStopDeadline) && whole;
  }
  parts_->loops.stop();
  parts_->housekeeping.stop();
  whole = parts_->tasks.settle().has_value() && whole;
  const audit::Event stopped{.type = "server.stopped"};
  return parts_->record(audit::make_record(parts_->clock.earliest(), stopped)).has_value() && whole;
}

}  // namespace writ::server
