#include "api/upstream_metrics.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace writ::api {
namespace {

// Paths of sockets may have anything in them.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

void write_upstreams(PrometheusText& out, const gateway::Routes& routes) {
  std::vector<http::UpstreamStats> all;
  for (const auto& upstream : routes.upstreams())
    all.push_back(upstream->stats(std::chrono::steady_clock::now()));
  if (all.empty()) return;
  std::ranges::sort(all, {}, &http::UpstreamStats::api);

  const auto of_apis = [&](std::string_view name, std::string_view type, std::string_view help, auto member) {
    out.family(name, type, help);
    for (const auto& each : all) out.sample(name, fmt::format("api=\"{}\"", escaped(each.api)), each.*member);
  };
  using Stats = http::UpstreamStats;
  of_apis("writ_upstream_requests_in_flight", "gauge", "Requests to an API that are under way.",
          &Stats::in_flight);
  of_apis("writ_upstream_retries_total", "counter", "Requests that were sent to another address.",
          &Stats::retries);
  of_apis("writ_upstream_retries_over_budget_total", "counter",
          "Requests that were not, because too many of late were.", &Stats::retries_over_budget);
  of_apis("writ_upstream_refused_total", "counter",
          "Requests refused because as many as its `max_requests` were under way.", &Stats::refused);

  const auto of_addresses = [&](std::string_view name, std::string_view type, std::string_view help,
                                auto member) {
    out.family(name, type, help);
    for (const auto& each : all)
      for (const auto& address : each.addresses)
        out.sample(name, fmt::format("api=\"{}\",address=\"{}\"", escaped(each.api), escaped(address.name)),
                   address.*member);
  };
  using Address = http::UpstreamAddressStats;
  of_addresses("writ_upstream_address_up", "gauge", "1: it passes its health checks, or has none.",
               &Address::up);
  of_addresses("writ_upstream_address_ejected", "gauge",
               "1: it failed several times in a row, and gets no requests for a while.", &Address::ejected);
  of_addresses("writ_upstream_address_in_flight", "gauge", "Requests to an address that are under way.",
               &Address::in_flight);
  of_addresses("writ_upstream_address_ejections_total", "counter", "How often it was ejected.",
               &Address::ejections);
}

}  // namespace writ::api
