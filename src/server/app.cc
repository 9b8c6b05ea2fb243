#include "server/app.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <thread>

#include "authzen/echoed_ids.h"
#include "base/notice.h"
#include "http/inherited.h"
#include "policy/reload.h"
#include "server/app_parts.h"

namespace writ::server {
namespace {

constexpr std::chrono::seconds kStopDeadline{10};
constexpr std::chrono::seconds kLookAtClockEvery{1};
constexpr int kLooksBetweenTidying = 10;

}  // namespace

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
  proofs = TRY(store::ProofJournal::open(config.data / store::kProofsFile, clock, options));
  replays.take_over(proofs->found());
  replays.distrust(proofs->unknown_until());
  return {};
}

// Of those that name users.
Result<void> App::Parts::keep_prefixes() {
  store::IssuerPrefixes prefixes;
  for (const auto& issuer : config.trusted_issuers)
    if (issuer.workloads == nullptr) prefixes.emplace(issuer.issuer, issuer.subject_prefix);
  return store->keep_issuer_prefixes(prefixes);
}

Result<void> App::Parts::load(const config::World& world) {
  TRY(keep_prefixes());
  TRY(directory.load());
  TRY(directory.declare(world.declared));
  TRY(check_links());
  TRY(policies.link_grants());
  TRY(api_keys.load());
  TRY(entities.load(policy::facts_rules(world, *policies.get())));
  current.replace(TRY(fact_sources.make(world)));
  TRY(tasks.load());
  TRY(calls.load());
  TRY(revocations.load());
  // What a crash left of it.
  TRY(session_ends.end_tasks());
  return {};
}

// A stop stays: who is stopped by a name does not come back by another one.
Result<void> App::Parts::check_links() const {
  const auto now = directory.snapshot();
  for (const auto& [theirs, ours] : config::user_links(config)) {
    const auto* member = now->find(ours);
    const bool stopped = member != nullptr && member->status() >= inventory::Status::kSuspended;
    if (theirs != ours && now->ordered(theirs) != inventory::Status::kActive && !stopped)
      return failure(
          ErrorCode::kConflict,
          fmt::format("`{0}` is {1}, and `links` joins it to `{2}`, which is not: take the link out "
                      "and suspend `{2}`, or lift the order on `{0}`",
                      theirs, inventory::status_name(now->ordered(theirs)), ours));
  }
  return {};
}

// Whether a listener speaks TLS at all is for the next start.
void App::Parts::take_over_certificates(const config::ListenAddress& listen, http::Server* server) {
  if (server != nullptr && server->tls() != nullptr && listen.tls != nullptr)
    bundles.replace(*server, listen.tls);
}

// With the bundles that are known by now.
http::ServerOptions App::Parts::options_of(const config::ListenAddress& listen, std::size_t of_room) {
  auto options = server_options(config, listen, of_room);
  options.tls = bundles.with_known(std::move(options.tls));
  return options;
}

// Certificates are for connections that come, and providers' keys for tokens.
void App::Parts::take_over(const policy::Loaded& now) {
  fact_sources.retire_others(*current.get()->sources);
  take_over_certificates(now.config.api_listen, api_server.get());
  if (now.config.gateway_listen) take_over_certificates(*now.config.gateway_listen, gateway_server.get());
  if (now.config.operator_listen) take_over_certificates(*now.config.operator_listen, operator_server.get());
  bundles.forget_unused();
  using Taken = oauth::TrustedIssuers::Taken;
  const auto taken = issuers.take_over(
      now.config.trusted_issuers,
      [this](auto issuer, const auto& change) { return record_change(issuer, change); },
      policy::takes_over_accept(*config.root, *now.config.root) ? Taken::kKeysAndAccept : Taken::kKeys);
  if (!taken)
    fmt::print(stderr, "writ: what is known of the providers stays as it was: {}\n", taken.error().message);
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
      *operator_loops, options_of(*config.operator_listen, room.operators), operator_endpoints));
  bundles.serve(*operator_server);
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
            .proxies = config.proxies,
            .issuers_of = [this](std::string_view api) { return accepted.issuers_of(api, config.issuer); },
            .answer_deadline = config.limits.upstream_timeout,
            .tell = [](const std::string& line) { fmt::print(stderr, "writ: {}\n", line); }},
        gateway::ProxyParts{loops, client, gateway_enforcer, current, keys->ring(), recheck});
    auto options = options_of(*config.gateway_listen, room.gateway);
    options.web_sockets = true;
    gateway_server = TRY(http::Server::start(loops, std::move(options), proxy));
    bundles.serve(*gateway_server);
    gateway_url = config.gateway_listen->url(gateway_server->port());
    upstreams.start();
  }
  TRY(serve_operators());
  // The last: who asks /readyz and gets an answer finds everything else open.
  api_server = TRY(http::Server::start(loops, options_of(config.api_listen, room.api),
                                       std::make_shared<authzen::EchoedIds>(endpoints)));
  bundles.serve(*api_server);
  bundles.start();
  api_url = config.api_listen.url(api_server->port());
  // Callers would wait there for nobody.
  if (const auto left = http::inherited_sockets_left(); !left.empty())
    return failure(
        ErrorCode::kInvalid,
        fmt::format("LISTEN_FDS has a socket on {}, where nothing is to listen; write that address "
                    "under `listen`, or give no socket for it",
                    fmt::join(left, ", ")));
  chores.start(kLookAtClockEvery, [this] { look_after(); });
  return {};
}

void App::Parts::look_after() {
  if (const auto line = clock.watch()) std::fprintf(stderr, "writ: %s\n", line->c_str());
  tend_keys();
  put_due_policies_in_force();
  if (++looks % kLooksBetweenTidying == 0) tidy();
  if (looks % kLooksBetweenKeepingUse == 0) keep_use(directory, api_keys);
}

// The next signing key is published, signs, and the last one goes, each in its time. What fails is tried
// again.
void App::Parts::tend_keys() {
  const auto now = clock.earliest();
  const auto done = keys->tend(now, [&](const token::KeyEvent& event) {
    return record(audit::make_record(
        now, audit::Event{.type = event.type, .object = event.kid, .detail = event.detail}));
  });
  static Notice failing;
  if (done) return;
  if (const auto times = failing.due())
    fmt::print(stderr, "writ: the signing keys stay as they are: {} ({} times)\n", done.error().message,
               *times);
}

void App::Parts::put_due_policies_in_force() {
  const auto done = policies.put_due_in_force();
  static Notice failing;
  if (done) {
    if (*done) fmt::print(stderr, "writ: policies {} in force\n", policies.get()->revision);
    return;
  }
  if (const auto times = failing.due())
    fmt::print(stderr, "writ: policies that waited cannot take force, and go on waiting: {} ({} times)\n",
               done.error().message, *times);
}

// What is over need not be kept: revoked tokens and used assertions and proofs, tasks, and the arguments of
// calls that were not approved. What fails is tried again.
void App::Parts::tidy() {
  replays.prune(clock.earliest());
  fact_sources.tidy();
  forget();
  if (const auto done = calls.prune(clock.earliest()); !done)
    std::fprintf(stderr, "writ: could not delete approvals that are over: %s\n",
                 done.error().message.c_str());
  if (const auto ended = session_ends.end_tasks(); !ended)
    std::fprintf(stderr, "writ: could not end tasks of sessions that are over: %s\n",
                 ended.error().message.c_str());
  if (const auto over = api_keys.forget(clock.earliest()); !over)
    std::fprintf(stderr, "writ: could not delete API keys that are over: %s\n", over.error().message.c_str());
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
  auto keys = TRY(open_keys(config, *store, SystemClock().now()));
  auto log = TRY(open_audit_log(config, *store, accept_lost_audit));
  const auto began = TRY(first_instant(*log, SystemClock().now(), accept_clock));
  log->not_before(began);
  const auto texts = loaded.texts;
  std::unique_ptr<App> app(
      new App(std::make_unique<Parts>(std::move(loaded), std::move(folder), std::move(store), std::move(log),
                                      std::move(keys), std::move(what_if), began)));
  auto& parts = *app->parts_;
  TRY(parts.open_proofs());
  files::Issues waiting;
  TRY(parts.policies.start(texts, waiting));
  for (const auto& issue : waiting.all()) fmt::print(stderr, "{}\n", files::render(issue));
  TRY(parts.load(parts.policies.world_at_start()));
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
  // Requests that wait for a provider or for facts go on first.
  parts_->refresher.stop();
  parts_->bundles.stop();
  parts_->fact_sources.stop();
  // They would last until the deadline.
  if (parts_->proxy != nullptr) parts_->proxy->stop_streams();
  // The operator's is the last: whoever has to stop something can until the end.
  const auto deadline = std::chrono::steady_clock::now() + kStopDeadline;
  for (auto* server : parts_->servers()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    whole = server->stop(std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), {})) && whole;
  }
  parts_->upstreams.stop();
  parts_->loops.stop();
  if (parts_->operator_loops) parts_->operator_loops->stop();
  parts_->chores.stop();
  parts_->writer.stop();
  whole = parts_->tasks.settle().has_value() && whole;
  whole = keep_use(parts_->directory, parts_->api_keys) && whole;
  const audit::Event stopped{.type = "server.stopped", .standing = audit::Standing::kStop};
  return parts_->record(audit::make_record(parts_->clock.earliest(), stopped)).has_value() && whole;
}

}  // namespace writ::server
