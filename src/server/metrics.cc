#include "server/metrics.h"

#include <fmt/format.h>

namespace writ::server {
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

void write_decisions(PrometheusText& out, std::string_view point, const gateway::EnforcerStats& stats) {
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
  out.family("writ_audit_head", "gauge", "Number of the last audit record.");
  out.sample("writ_audit_head", "", head);
}

void write_gateway(PrometheusText& out, const gateway::ProxyStats& stats) {
  out.family("writ_gateway_requests_total", "counter", "Requests to the gateway, by what became of them.");
  out.sample("writ_gateway_requests_total", "result=\"forwarded\"", stats.forwarded);
  out.sample("writ_gateway_requests_total", "result=\"unrouted\"", stats.unrouted);
  out.sample("writ_gateway_requests_total", "result=\"malformed\"", stats.malformed);
  out.sample("writ_gateway_requests_total", "result=\"upstream_failure\"", stats.upstream_failures);
  out.sample("writ_gateway_requests_total", "result=\"broken_off\"", stats.broken_off);
  out.family(
      "writ_gateway_fields_left_out_total", "counter",
      "Header fields of callers that were not forwarded, because their API's list does not name them.");
  out.sample("writ_gateway_fields_left_out_total", "", stats.fields_left_out);
}

void write_listener(PrometheusText& out, std::string_view listener, const http::ServerStats& stats) {
  const auto label = [&](std::string_view event) {
    return fmt::format("listener=\"{}\",event=\"{}\"", listener, event);
  };
  out.sample("writ_http_total", label("connection_accepted"), stats.connections_accepted);
  out.sample("writ_http_total", label("connection_refused"), stats.connections_refused);
  out.sample("writ_http_total", label("request"), stats.requests);
  out.sample("writ_http_total", label("request_malformed"), stats.requests_malformed);
}

}  // namespace writ::server
