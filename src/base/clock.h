// Time as Writ counts it: milliseconds since the Unix epoch, UTC.
//
// Pure modules (cedar, context, decision, mcp) take an Instant as an argument. Only composition roots and the
// modules that do I/O hold a Clock, and they read it once per request.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace writ {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::sys_time<Duration>;

inline Instant instant_from_unix_seconds(std::int64_t seconds) {
  return Instant(std::chrono::seconds(seconds));
}
inline std::int64_t unix_seconds(Instant instant) {
  return std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count();
}
inline std::int64_t unix_millis(Instant instant) {
  return instant.time_since_epoch().count();
}

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const noexcept = 0;
};

// The system's clock, made monotone: a clock that is set back does not bring back what has expired.
class SystemClock final : public Clock {
 public:
  Instant now() const noexcept override {
    const auto read = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
    auto latest = latest_.load(std::memory_order_relaxed);
    const auto value = read.time_since_epoch().count();
    while (value > latest && !latest_.compare_exchange_weak(latest, value, std::memory_order_relaxed)) {
    }
    return Instant(Duration(value > latest ? value : latest));
  }

 private:
  mutable std::atomic<Duration::rep> latest_{0};
};

// For tests: stands still until told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant now) : now_(now.time_since_epoch().count()) {}
  Instant now() const noexcept override { return Instant(Duration(now_.load())); }
  void set(Instant now) { now_ = now.time_since_epoch().count(); }
  void advance(Duration by) { now_ += by.count(); }

 private:
  std::atomic<Duration::rep> now_;
};

}  // namespace writ
