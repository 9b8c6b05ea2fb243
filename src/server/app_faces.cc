// Where the running whole is asked: which path leads to what.
#include "server/app_parts.h"

namespace writ::server {
namespace {

constexpr std::string_view kRevocationPath = "/oauth2/revoke";
constexpr std::string_view kIntrospectionPath = "/oauth2/introspect";
constexpr std::string_view kLogoutPath = "/oauth2/backchannel-logout";
constexpr std::string_view kJwksPath = "/oauth2/jwks";
constexpr std::string_view kMetadataPath = "/.well-known/oauth-authorization-server";

}  // namespace

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
  TRY(endpoints->add_async(
      "POST", kIntrospectionPath,
      [this](http::Exchange exchange, const PathValues&) {
        oauth_workers.serve([this](const Request& request) { return introspection_endpoint.handle(request); },
                            std::move(exchange));
      },
      oauth::kMaxFormBytes));
  TRY(endpoints->add_async(
      "POST", kLogoutPath,
      [this](http::Exchange exchange, const PathValues&) {
        oauth_workers.take_logout(logout_endpoint, std::move(exchange));
      },
      oauth::kMaxFormBytes));
  TRY(endpoints->add("GET", kJwksPath, quick, [this](const Request&, const PathValues&) {
    return oauth::jwks_response(keys->ring(), config.signing_keys.publish_ahead);
  }));
  const auto metadata_of_writ = [this](const Request&, const PathValues&) {
    const auto at = [this](std::string_view path) { return config.issuer + std::string(path); };
    const bool certificates = config.api_listen.asks_certificates;
    return oauth::metadata_response({config.issuer, at(kTokenPath), at(kJwksPath), at(kRevocationPath),
                                     at(kIntrospectionPath), certificates, config.token_algorithm});
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
  // Not ready: what comes now would be refused, because it ends, cannot write its audit or its database, or
  // nobody knows what time it is.
  return to.add("GET", "/readyz", quick, [this](const http::Request&, const http::PathValues&) {
    if (draining) return http::json_response(503, R"({"status":"stopping"})");
    if (const auto trouble = clock.trouble())
      return http::json_response(503,
                                 codec::Json::object({{"status", "clock_set"}, {"detail", *trouble}}).dump());
    if (!log->available()) return http::json_response(503, R"({"status":"audit_unavailable"})");
    if (!store->can_note()) return http::json_response(503, R"({"status":"database_unavailable"})");
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
  api::write_attempts(out, "writ_client_assertions_total",
                      "Client assertions whose signature had to be looked at, and those of forgers refused.",
                      clients.assertion_attempts());
  api::write_attempts(
      out, "writ_tokens_looked_at_total",
      "Tokens whose signature had to be looked at, and those of sources that were wrong too often.",
      token_attempts.stats());
  api::write_task_limits(out, tasks.refused(), calls.refused());
  out.family("writ_upstream_over_share_total", "counter",
             "Requests refused because their caller had its share of an upstream's places.");
  out.sample("writ_upstream_over_share_total", "", client.stats().over_share);
  if (proxy) api::write_upstreams(out, *current.get()->routes);
  api::write_issuers(out, refresher.status(), clock.now());
  write_bundles(out, bundles.status(), clock.now());
  api::write_keys(out, *keys, clock.now());
  api::write_askers(out, refresher.askers());
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
  out.family("writ_introspections_total", "counter", "Questions about tokens by their answer.");
  out.sample("writ_introspections_total", "result=\"active\"", introspection_endpoint.active());
  out.sample("writ_introspections_total", "result=\"inactive\"", introspection_endpoint.inactive());
  out.sample("writ_introspections_total", "result=\"refused\"", introspection_endpoint.refused());
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
  out.family("writ_grants", "gauge", "Grants that are known, in force or over.");
  out.sample("writ_grants", "", directory.snapshot()->grants().size());
  out.family("writ_api_keys", "gauge", "API keys that are kept, in force or over.");
  out.sample("writ_api_keys", "", api_keys.size());
  api::write_entities(out, *entities.snapshot());
  api::write_sources(out, *current.get()->sources);
  const auto answers = running_access.counts();
  out.family("writ_access_answers_total", "counter",
             "Answers of who reaches what: made, or known and not asked again.");
  out.sample("writ_access_answers_total", "by=\"asked\"", answers.asked);
  out.sample("writ_access_answers_total", "by=\"known\"", answers.known);
  out.family("writ_access_answers_kept", "gauge", "Of these, those that are kept.");
  out.sample("writ_access_answers_kept", "", answers.kept);
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
  TRY(grants_api.add_to(to, by));
  TRY(api_keys_api.add_to(to, by));
  TRY(entities_api.add_to(to, by));
  TRY(facts_api.add_to(to));
  TRY(audit_api.add_to(to, by));
  TRY(policies_api.add_to(to, by));
  TRY(issuers_api.add_to(to));
  TRY(sessions_api.add_to(to));
  TRY(keys_api.add_to(to));
  TRY(access_api.add_to(to, access_readers));
  TRY(reports_api.add_to(to, report_readers));
  return decide_api.add_to(to);
}

}  // namespace writ::server
