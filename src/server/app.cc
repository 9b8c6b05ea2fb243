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
#include "server/inventory_api.h"
#include "server/metrics.h"
#include "server/policies_api.h"
#include "server/task_desk.h"
#include "server/tasks_api.h"
#include "store/sqlite_store.h"

namespace writ::server {
namespace {

constexpr std::chrono::seconds kStopDeadline{10};
constexpr std::chrono::minutes kPruneEvery{1};
constexpr std::string_view kTokenPath = "/oauth2/token";
constexpr std::string_view kRevocationPath = "/oauth2/revoke";
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

// Never before the instant at which it began.
class ResumedClock final : public Clock {
 public:
  explicit ResumedClock(Instant began) : began_(began) {}
  Instant now() const noexcept override { return std::max(began_, system_.now()); }
  Instant earliest() const noexcept override { return std::max(began_, system_.earliest()); }
  Duration running() const noexcept override { return system_.running(); }

 private:
  const Instant began_;
  const SystemClock system_;
};

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
        clock(began),
        policies({clock, recorder, [this](const Loaded& now) { return take_over(now); }}, loaded),
        folder(std::move(data)),
        store(std::move(opened)),
        log(std::move(audit)),
        keys(std::move(ring)),
        issuers(std::move(trusted)),
        what_if(std::move(hypothetical)),
        routes(std::move(loaded.routes)) {}

  Result<void> load(const inventory::Change& declared);
  Result<void> take_over(const Loaded& now);
  Result<void> serve();
  Result<void> add_endpoints();
  Result<void> add_oauth();
  Result<void> add_health();
  void prune_later();
  http::Response metrics() const;
  gateway::EnforcerParts enforcer_parts(task::CallApprovals* approvals);

  std::function<Policies()> policy_source() {
    return [this] { return policies.get(); };
  }
  Result<void> record(audit::Record entry) {
    auto written = log->append(std::move(entry));
    audit_fails.store(!written, std::memory_order_relaxed);
    return written;
  }
  void record_async(audit::Record entry, audit::Log::Done done) {
    log->append(std::move(entry), [this, done = std::move(done)](Result<void> written) mutable {
      audit_fails.store(!written, std::memory_order_relaxed);
      done(std::move(written));
    });
  }

  const Config config;
  const ResumedClock clock;
  const oauth::Recorder recorder = [this](audit::Record entry) { return record(std::move(entry)); };
  PoliciesInForce policies;
  std::atomic<bool> stopping{false}, audit_fails{false};
  std::atomic<std::uint64_t> tokens_issued{0}, tokens_refused{0};

  http::Loops loops{config.threads};
  DataFolder folder;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<audit::Log> log;

  const std::unique_ptr<token::KeyRing> keys;
  token::Revocations revocations{store.get()};
  token::MemoryReplayGuard replays;
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
  // Not ready: what comes now would be refused, because it ends or cannot write its audit.
  TRY(endpoints->add("GET", "/readyz", quick, [this](const http::Request&, const http::PathValues&) {
    if (stopping) return http::json_response(503, R"({"status":"stopping"})");
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
        gateway::ProxyOptions{
            .issuer = config.issuer,
            .public_origin = config.public_origin,
            .max_read_body_bytes = static_cast<std::size_t>(config.limits.max_body_bytes),
            .tell = [](const std::string& line) { fmt::print(stderr, "writ: {}\n", line); }},
        gateway::ProxyParts{loops, client, gateway_enforcer, *keys}, routes.get());
    gateway_server = TRY(http::Server::start(loops, server_options(config, *config.gateway_listen), proxy));
    gateway_url = "http://" + ListenAddress{config.gateway_listen->address, gateway_server->port()}.text();
  }
  // The last: who asks /readyz and gets an answer finds everything else open.
  api_server = TRY(http::Server::start(loops, server_options(config, config.api_listen), endpoints));
  api_url = "http://" + ListenAddress{config.api_listen.address, api_server->port()}.text();
  prune_later();
  return {};
}

// Revoked tokens that have expired need not be remembered, nor the arguments of calls that were not approved.
void App::Parts::prune_later() {
  loops.post_after(0, kPruneEvery, [this] {
    revocations.prune(clock.now());
    (void)calls.prune(clock.now());
    prune_later();
  });
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
  TRY(parts.policies.start(texts));
  TRY(parts.load(declared));
  const audit::Event started{.type = "server.started", .detail = parts.policies.get()->revision};
  TRY(parts.record(audit::make_record(parts.clock.now(), started)));
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
  whole = parts_->tasks.settle().has_value() && whole;
  const audit::Event stopped{.type = "server.stopped"};
  return parts_->record(audit::make_record(parts_->clock.now(), stopped)).has_value() && whole;
}

}  // namespace writ::server
