// Metrics: what Writ counts about its work, in Prometheus' text format.
//
// The parts of Writ count for themselves, with relaxed atomics; this only writes their numbers down when
// somebody asks. Not thread-safe; one per answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/log.h"
#include "enforce/enforcer.h"
#include "facts/pushed.h"
#include "gateway/proxy.h"
#include "http/debts.h"
#include "http/server.h"
#include "http/workers.h"
#include "sources/sources.h"
#include "task/call_approvals.h"
#include "task/registry.h"
#include "task/write_thread.h"

namespace writ::api {

// Writes one metric family after the other: HELP, TYPE and samples.
class PrometheusText {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help);
  // `labels` as they stand between the braces; may be empty.
  void sample(std::string_view name, std::string_view labels, std::uint64_t value);
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// `family` for writ_decisions_total comes before the first point.
void write_decisions(PrometheusText& out, std::string_view point, const enforce::EnforcerStats& stats);
void write_waits(PrometheusText& out, const task::WriteStats& stats);
void write_audit(PrometheusText& out, const audit::LogStats& stats, std::uint64_t head);
void write_gateway(PrometheusText& out, const gateway::ProxyStats& stats);
void write_workers(PrometheusText& out,
                   const std::vector<std::pair<std::string_view, http::WorkerStats>>& pools);
// Of secrets and of tokens, each a family.
void write_attempts(PrometheusText& out, std::string_view family, std::string_view help,
                    const http::AttemptStats& stats);
// Tasks and calls for which there was no room.
void write_task_limits(PrometheusText& out, const task::TasksRefused& tasks, const task::CallsRefused& calls);
void write_identities(PrometheusText& out, const inventory::Snapshot& inventory, std::uint64_t stops_refused);
void write_entities(PrometheusText& out, const facts::PushedEntities& pushed);
void write_sources(PrometheusText& out, const sources::Sources& sources);
// `family` for writ_http_connections comes before the first listener.
void write_connections(PrometheusText& out, std::string_view listener, const http::ServerStats& stats);
// When the certificates of those that speak TLS end. A server may be null.
void write_certificates(PrometheusText& out,
                        const std::vector<std::pair<std::string_view, const http::Server*>>& listeners);
void write_listener(PrometheusText& out, std::string_view listener, const http::ServerStats& stats);

}  // namespace writ::api
