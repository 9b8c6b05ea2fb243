// Metrics: what Writ counts about its work, in Prometheus' text format.
//
// Counting is one or two relaxed atomic additions, so that it costs nothing beside a decision; the text is
// made when somebody asks for it. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/denial.h"

namespace writ::server {

// Where a decision was enforced.
enum class Point { kToken, kGateway, kApi, kAuthzen };

// Writes one metric family after the other: HELP, TYPE and samples.
class PrometheusText {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help);
  // `labels` as they stand between the braces; may be empty.
  void sample(std::string_view name, std::string_view labels, std::uint64_t value);
  void sample(std::string_view name, std::string_view labels, double value);
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

class Histogram {
 public:
  // Upper bounds of the buckets, in microseconds; one more bucket takes the rest.
  static constexpr std::array<std::uint64_t, 14> kBounds = {
      5, 10, 25, 50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 100'000, 1'000'000};

  void observe(std::chrono::nanoseconds elapsed) noexcept;
  void write(PrometheusText& out, std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> nanoseconds_{0};
};

class Metrics {
 public:
  // Without a reason the decision was a permit.
  void decided(Point point, std::optional<Reason> reason, std::chrono::nanoseconds elapsed) noexcept;
  void upstream_failed() noexcept { upstream_failures_.fetch_add(1, std::memory_order_relaxed); }
  void audit_failed() noexcept { audit_failures_.fetch_add(1, std::memory_order_relaxed); }

  void write(PrometheusText& out) const;

 private:
  static constexpr std::size_t kPoints = 4;
  static constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::kIndeterminate) + 1;

  std::array<std::array<std::atomic<std::uint64_t>, kReasons + 1>, kPoints>
      decisions_{};  // the last: permits
  std::array<Histogram, kPoints> latency_;
  std::atomic<std::uint64_t> upstream_failures_{0};
  std::atomic<std::uint64_t> audit_failures_{0};
};

}  // namespace writ::server
