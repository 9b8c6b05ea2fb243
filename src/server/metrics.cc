#include "server/metrics.h"

#include <fmt/format.h>

namespace writ::server {
namespace {

constexpr std::string_view kPointNames[] = {"token", "gateway", "api", "authzen"};

// The decision a reason belongs to: what broke is no deny.
std::string_view decision_name(std::size_t reason) {
  return static_cast<Reason>(reason) == Reason::kIndeterminate ? "indeterminate" : "deny";
}

}  // namespace

void PrometheusText::family(std::string_view name, std::string_view type, std::string_view help) {
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void PrometheusText::sample(std::string_view name, std::string_view labels, std::uint64_t value) {
  text_ += labels.empty() ? fmt::format("{} {}\n", name, value)
                          : fmt::format("{}{{{}}} {}\n", name, labels, value);
}

void PrometheusText::sample(std::string_view name, std::string_view labels, double value) {
  text_ += labels.empty() ? fmt::format("{} {}\n", name, value)
                          : fmt::format("{}{{{}}} {}\n", name, labels, value);
}

void Histogram::observe(std::chrono::nanoseconds elapsed) noexcept {
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(elapsed.count(), 0));
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && nanoseconds > kBounds[bucket] * 1000) ++bucket;
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  nanoseconds_.fetch_add(nanoseconds, std::memory_order_relaxed);
}

void Histogram::write(PrometheusText& out, std::string_view name, std::string_view labels) const {
  std::uint64_t total = 0;
  const auto bucket_name = fmt::format("{}_bucket", name);
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    total += buckets_[i].load(std::memory_order_relaxed);
    const auto bound = i < kBounds.size() ? fmt::format("{}", static_cast<double>(kBounds[i]) / 1e6) : "+Inf";
    out.sample(bucket_name, fmt::format("{},le=\"{}\"", labels, bound), total);
  }
  out.sample(fmt::format("{}_sum", name), labels,
             static_cast<double>(nanoseconds_.load(std::memory_order_relaxed)) / 1e9);
  out.sample(fmt::format("{}_count", name), labels, total);
}

void Metrics::decided(Point point, std::optional<Reason> reason, std::chrono::nanoseconds elapsed) noexcept {
  const auto at = static_cast<std::size_t>(point);
  const auto slot = reason ? static_cast<std::size_t>(*reason) : kReasons;
  decisions_[at][slot].fetch_add(1, std::memory_order_relaxed);
  latency_[at].observe(elapsed);
}

void Metrics::write(PrometheusText& out) const {
  out.family("writ_decisions_total", "counter", "Decisions by enforcement point, outcome and reason.");
  for (std::size_t point = 0; point < kPoints; ++point) {
    out.sample("writ_decisions_total",
               fmt::format("point=\"{}\",decision=\"permit\",reason=\"\"", kPointNames[point]),
               decisions_[point][kReasons].load(std::memory_order_relaxed));
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      const auto count = decisions_[point][reason].load(std::memory_order_relaxed);
      if (count == 0) continue;
      out.sample("writ_decisions_total",
                 fmt::format("point=\"{}\",decision=\"{}\",reason=\"{}\"", kPointNames[point],
                             decision_name(reason), reason_code(static_cast<Reason>(reason))),
                 count);
    }
  }
  out.family("writ_decision_seconds", "histogram", "Time from the request's head to the audited decision.");
  for (std::size_t point = 0; point < kPoints; ++point)
    latency_[point].write(out, "writ_decision_seconds", fmt::format("point=\"{}\"", kPointNames[point]));
  out.family("writ_upstream_failures_total", "counter",
             "Permitted requests that the upstream did not answer.");
  out.sample("writ_upstream_failures_total", "", upstream_failures_.load(std::memory_order_relaxed));
  out.family("writ_audit_failures_total", "counter",
             "Requests refused because the audit could not be written.");
  out.sample("writ_audit_failures_total", "", audit_failures_.load(std::memory_order_relaxed));
}

}  // namespace writ::server
