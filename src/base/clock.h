// Time as Writ counts it: milliseconds since the Unix epoch, UTC.
//
// Pure modules (cedar, context, decision, mcp) take an Instant as an argument. Only composition roots and the
// modules that do I/O hold a Clock, and they read it once per request.
//
// A clock that people or NTP can set is not trusted alone. What ends (a token, a task, an approval) ends by
// now(), the later reading; what begins, is minted, recorded or forgotten goes by earliest(). So a clock that
// jumps, in either direction, gives nothing back and lets nothing live longer.
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

struct Times;  // base/times.h

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Has it ended by now? The later of the readings.
  virtual Instant now() const noexcept = 0;
  // Has it begun, when is it minted, may it be forgotten? The earlier of the readings.
  virtual Instant earliest() const noexcept { return now(); }
  // Both, of one moment.
  virtual Times times() const noexcept;
  // How long the machine has run, also while it slept. Nobody can set it.
  virtual Duration running() const noexcept = 0;
};

// Two readings: the system's clock, and what it said when this object was made plus how long the machine has
// run since (CLOCK_BOOTTIME). They differ when the system's clock was set meanwhile.
class SystemClock final : public Clock {
 public:
  SystemClock() noexcept;
  Instant now() const noexcept override;
  Instant earliest() const noexcept override;
  Times times() const noexcept override;
  Duration running() const noexcept override;
  // How far the system's clock was set ahead since this object was made; negative: back.
  Duration set_ahead() const noexcept;

 private:
  struct Readings {
    Instant system, counted;
  };
  Readings read() const noexcept;

  const Duration began_running_;
  const Instant began_;
};

// For tests: stands still until told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant now)
      : now_(now.time_since_epoch().count()), earliest_(now.time_since_epoch().count()) {}
  Instant now() const noexcept override { return Instant(Duration(now_.load())); }
  Instant earliest() const noexcept override { return Instant(Duration(earliest_.load())); }
  Duration running() const noexcept override { return Duration(running_.load()); }
  // Both readings; the machine does not run by it.
  void set(Instant now) { now_ = earliest_ = now.time_since_epoch().count(); }
  // The readings differ from here on.
  void set_apart(Instant earliest, Instant now) {
    earliest_ = earliest.time_since_epoch().count();
    now_ = now.time_since_epoch().count();
  }
  // Time goes by.
  void advance(Duration by) {
    now_ += by.count();
    earliest_ += by.count();
    running_ += by.count();
  }

 private:
  std::atomic<Duration::rep> now_, earliest_, running_{0};
};

}  // namespace writ
