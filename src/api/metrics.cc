#include "api/metrics.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::api {
namespace {

// What broke is no deny.
std::string_view decision_name(Reason reason) {
  return reason == Reason::kIndeterminate ? "indeterminate" : "deny";
}

}  // namespace

void PrometheusText::family(std::string_view name, std::string_view type, std::string_view help) {
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void PrometheusText::sample(std::string_view name, std::string_view labels, std::uint64_t value) {
  text_ += labels.empty() ? fmt::format("{} {}\n", name, value)
                          : fmt::format("{}{{{}}} {}\n", name, labels, value);
}

void write_decisions(PrometheusText& out, std::string_view point, const enforce::EnforcerStats& stats) {
  out.sample("writ_decisions_total", fmt::format("point=\"{}\",decision=\"permit\",reason=\"\"", point),
             stats.permits);
  for (std::size_t i = 0; i < stats.refusals.size(); ++i) {
    const auto reason = static_cast<Reason>(i);
    if (stats.refusals[i] == 0) continue;
    out.sample("writ_decisions_total",
               fmt::format("point=\"{}\",decision=\"{}\",reason=\"{}\"", point, decision_name(reason),
                           reason_code(reason)),
               stats.refusals[i]);
  }
}

void write_audit(PrometheusText& out, const audit::LogStats& stats, std::uint64_t head) {
  out.family("writ_audit_records_total", "counter", "Audit records written by this process.");
  out.sample("writ_audit_records_total", "", stats.records);
  out.family("writ_audit_failures_total", "counter", "Audit records that could not be written.");
  out.sample("writ_audit_failures_total", "", stats.failures);
  out.family("writ_audit_syncs_total", "counter", "Writes of the audit that waited for the disk.");
  out.sample("writ_audit_syncs_total", "", stats.syncs);
  out.family("writ_audit_files_total", "counter", "Files of the audit that were begun.");
  out.sample("writ_audit_files_total", "", stats.files);
  out.family("writ_audit_not_recorded_total", "counter", "Refusals to strangers that were only counted.");
  out.sample("writ_audit_not_recorded_total", "", stats.left_out);
  out.family("writ_audit_available", "gauge", "1: records can be written; 0: requests are refused.");
  out.sample("writ_audit_available", "", stats.available ? 1 : 0);
  out.family("writ_audit_reserve_bytes", "gauge", "Space on the disk that is kept for stops.");
  out.sample("writ_audit_reserve_bytes", "", stats.reserved_bytes);
  out.family("writ_audit_noted_head", "gauge", "Number of the last record that the database knows of.");
  out.sample("writ_audit_noted_head", "", stats.noted);
  out.family("writ_audit_head", "gauge", "Number of the last audit record.");
  out.sample("writ_audit_head", "", head);
}

void write_waits(PrometheusText& out, const task::WriteStats& stats) {
  out.family("writ_database_waits_total", "counter",
             "What requests needed written before they could go on, by what became of it.");
  out.sample("writ_database_waits_total", "result=\"written\"", stats.writes);
  out.sample("writ_database_waits_total", "result=\"failed\"", stats.failures);
  out.sample("writ_database_waits_total", "result=\"too_many\"", stats.refused);
  out.sample("writ_database_waits_total", "result=\"too_long\"", stats.expired);
  out.family("writ_database_waiting", "gauge", "Requests that wait for the database.");
  out.sample("writ_database_waiting", "", stats.waiting);
}

void write_gateway(PrometheusText& out, const gateway::ProxyStats& stats) {
  out.family("writ_gateway_requests_total", "counter", "Requests to the gateway, by what became of them.");
  out.sample("writ_gateway_requests_total", "result=\"forwarded\"", stats.forwarded);
  out.sample("writ_gateway_requests_total", "result=\"unrouted\"", stats.unrouted);
  out.sample("writ_gateway_requests_total", "result=\"malformed\"", stats.malformed);
  out.sample("writ_gateway_requests_total", "result=\"upstream_failure\"", stats.upstream_failures);
  out.sample("writ_gateway_requests_total", "result=\"broken_off\"", stats.broken_off);
  out.sample("writ_gateway_requests_total", "result=\"rate_limited\"", stats.over_rates);
  out.family(
      "writ_gateway_fields_left_out_total", "counter",
      "Header fields of callers that were not forwarded, because their API's list does not name them.");
  out.sample("writ_gateway_fields_left_out_total", "", stats.fields_left_out);
  out.family("writ_gateway_preflights_total", "counter",
             "Questions of browsers, before a page of another origin calls, that were answered.");
  out.sample("writ_gateway_preflights_total", "", stats.preflights);
  out.family("writ_gateway_streams_total", "counter", "WebSockets and streams, by what became of them.");
  out.sample("writ_gateway_streams_total", "event=\"opened\"", stats.streams_opened);
  out.sample("writ_gateway_streams_total", "event=\"cut\"", stats.streams_cut);
  out.family("writ_gateway_streams_open", "gauge", "WebSockets and streams that are open.");
  out.sample("writ_gateway_streams_open", "", stats.streams_open);
}

void write_listener(PrometheusText& out, std::string_view listener, const http::ServerStats& stats) {
  const auto label = [&](std::string_view event) {
    return fmt::format("listener=\"{}\",event=\"{}\"", listener, event);
  };
  out.sample("writ_http_total", label("connection_accepted"), stats.connections_accepted);
  out.sample("writ_http_total", label("connection_refused"), stats.connections_refused);
  out.sample("writ_http_total", label("connection_over_source_limit"), stats.connections_over_source_limit);
  out.sample("writ_http_total", label("connection_made_room"), stats.connections_made_room);
  out.sample("writ_http_total", label("accept_failed"), stats.accept_failures);
  out.sample("writ_http_total", label("tls_handshake"), stats.handshakes);
  out.sample("writ_http_total", label("tls_handshake_failed"), stats.handshakes_failed);
  out.sample("writ_http_total", label("proxy_header_refused"), stats.proxy_headers_refused);
  out.sample("writ_http_total", label("body_refused"), stats.bodies_refused);
  out.sample("writ_http_total", label("out_of_memory"), stats.out_of_memory);
  out.sample("writ_http_total", label("request"), stats.requests);
  out.sample("writ_http_total", label("request_malformed"), stats.requests_malformed);
  out.sample("writ_http_total", label("http2_connection"), stats.http2_connections);
  out.sample("writ_http_total", label("http2_stream_refused"), stats.http2_streams_refused);
  out.sample("writ_http_total", label("http2_flood"), stats.http2_floods);
}

void write_certificates(PrometheusText& out,
                        const std::vector<std::pair<std::string_view, const http::Server*>>& listeners) {
  out.family("writ_tls_certificate_end_seconds", "gauge",
             "When a certificate ends, in seconds since 1970, by listener and its first name.");
  for (const auto& [name, server] : listeners) {
    const auto tls = server != nullptr ? server->tls() : nullptr;
    if (tls == nullptr) continue;
    std::size_t number = 0;
    for (const auto& certificate : tls->certificates()) {
      // What a name has of quotes and backslashes is nothing that a label may have.
      std::string first = certificate.names.empty() ? std::string() : certificate.names.front();
      std::erase_if(first, [](char c) { return c < 0x20 || c == '"' || c == '\\'; });
      out.sample("writ_tls_certificate_end_seconds",
                 fmt::format("listener=\"{}\",certificate=\"{}\",name=\"{}\"", name, ++number, first),
                 static_cast<std::uint64_t>(std::max<std::int64_t>(certificate.not_after, 0)));
    }
  }
}

void write_workers(PrometheusText& out,
                   const std::vector<std::pair<std::string_view, http::WorkerStats>>& pools) {
  out.family("writ_workers_waiting", "gauge", "Requests that wait for a worker, by pool.");
  for (const auto& [name, stats] : pools)
    out.sample("writ_workers_waiting", fmt::format("pool=\"{}\"", name), stats.waiting);
  out.family("writ_workers_refused_total", "counter", "Requests refused because a pool's queue was full.");
  for (const auto& [name, stats] : pools)
    out.sample("writ_workers_refused_total", fmt::format("pool=\"{}\"", name), stats.refused);
}

void write_attempts(PrometheusText& out, std::string_view family, std::string_view help,
                    const http::AttemptStats& stats) {
  out.family(family, "counter", help);
  out.sample(family, "result=\"right\"", stats.right);
  out.sample(family, "result=\"wrong\"", stats.tried - stats.right);
  out.sample(family, "result=\"slowed\"", stats.slowed);
}

void write_task_limits(PrometheusText& out, const task::TasksRefused& tasks,
                       const task::CallsRefused& calls) {
  out.family("writ_tasks_refused_total", "counter",
             "Tasks that were not opened or narrowed, by the limit of their client that was met.");
  out.sample("writ_tasks_refused_total", "limit=\"max_per_client\"", tasks.too_many);
  out.sample("writ_tasks_refused_total", "limit=\"max_bytes_per_client\"", tasks.too_many_bytes);
  out.sample("writ_tasks_refused_total", "limit=\"max_opened_per_minute\"", tasks.too_fast);
  out.sample("writ_tasks_refused_total", "limit=\"max_scope_bytes\"", tasks.too_large);
  out.sample("writ_tasks_refused_total", "limit=\"max_narrowings\"", tasks.too_often);
  out.family("writ_approvals_refused_total", "counter",
             "Calls that could not wait for people, by the limit that was met.");
  out.sample("writ_approvals_refused_total", "limit=\"max_waiting_per_subject\"", calls.of_subject);
  out.sample("writ_approvals_refused_total", "limit=\"max_waiting_per_client\"", calls.of_client);
  out.sample("writ_approvals_refused_total", "limit=\"max_waiting\"", calls.of_all);
  out.sample("writ_approvals_refused_total", "limit=\"max_bytes\"", calls.bytes);
}

void write_connections(PrometheusText& out, std::string_view listener, const http::ServerStats& stats) {
  out.sample("writ_http_connections", fmt::format("listener=\"{}\"", listener), stats.connections_open);
}

void write_identities(PrometheusText& out, const inventory::Snapshot& inventory,
                      std::uint64_t stops_refused) {
  out.family("writ_identities", "gauge", "Identities in the inventory.");
  out.sample("writ_identities", "", inventory.size());
  out.family("writ_identities_stopped", "gauge", "Ids that operators have stopped, listed or not.");
  out.sample("writ_identities_stopped", "", inventory.stopped());
  out.family("writ_identities_stopped_unlisted", "gauge",
             "Ids that operators have stopped, and that are not in the inventory.");
  out.sample("writ_identities_stopped_unlisted", "", inventory.stopped_unlisted());
  out.family("writ_stops_refused_total", "counter",
             "Stops refused because too many ids are stopped that nobody knows.");
  out.sample("writ_stops_refused_total", "", stops_refused);
}

void write_entities(PrometheusText& out, const facts::PushedEntities& pushed) {
  out.family("writ_entities", "gauge", "Entities that were pushed.");
  out.sample("writ_entities", "", pushed.size());
  out.family("writ_entities_bytes", "gauge", "What they take in memory, without the nodes around them.");
  out.sample("writ_entities_bytes", "", pushed.packed_bytes());
}

void write_sources(PrometheusText& out, const sources::Sources& sources) {
  const auto all = sources.all();
  if (all.empty()) return;
  out.family("writ_source_questions_total", "counter",
             "What requests wanted of the sources of facts, by what came of it.");
  for (const auto* source : all) {
    const auto stats = source->stats();
    const auto sample = [&](std::string_view result, std::uint64_t count) {
      out.sample("writ_source_questions_total",
                 fmt::format("source=\"{}\",result=\"{}\"", source->settings().name, result), count);
    };
    sample("asked", stats.asked);
    sample("cached", stats.cached);
    sample("joined", stats.joined);
    sample("failed", stats.failed);
    sample("unbelieved", stats.unbelieved);
    sample("refused", stats.refused);
  }
  out.family("writ_source_waiting", "gauge", "Requests that wait for a source of facts.");
  for (const auto* source : all)
    out.sample("writ_source_waiting", fmt::format("source=\"{}\"", source->settings().name),
               source->stats().waiting);
  out.family("writ_source_cached", "gauge", "Answers of a source of facts that are kept.");
  for (const auto* source : all)
    out.sample("writ_source_cached", fmt::format("source=\"{}\"", source->settings().name),
               source->stats().kept);
  out.family("writ_source_left_alone", "gauge",
             "1: the source failed too often, and is not asked for a moment.");
  for (const auto* source : all)
    out.sample("writ_source_left_alone", fmt::format("source=\"{}\"", source->settings().name),
               source->stats().open ? 1 : 0);
}

}  // namespace writ::api
