// ResumedClock: the clock of a server that goes on where the last run ended, and that notices when somebody
// sets the machine's clock.
//
// It is never before the instant at which it began, and what is recorded does not go back by more than the
// time from one watch() to the next. While the readings differ by more than is tolerated it says so: what
// ends has ended by the later of them, what begins has not begun by the earlier, and neither is good for
// much. Thread-safe.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "base/times.h"

namespace writ::server {

class ResumedClock final : public Clock {
 public:
  // The machine's clock must outlive it.
  ResumedClock(const Clock& machine, Instant began, Duration tolerance);

  Instant now() const noexcept override;
  Instant earliest() const noexcept override;
  Times times() const noexcept override;
  Duration running() const noexcept override { return machine_.running(); }
  // How far the readings differ.
  Duration apart() const noexcept { return times_of(machine_).apart(); }

  // What is wrong now and what to do, in a sentence; nothing while all is well.
  std::optional<std::string> trouble() const;
  // For a timer, each second. What is to be logged: when the clock was set, also if only for a moment between
  // two looks at it, and when it is right again.
  std::optional<std::string> watch();
  // How often it was set so far.
  std::uint64_t jumps() const noexcept { return jumps_.load(std::memory_order_relaxed); }

 private:
  Instant never_before_the_floor(Instant time) const noexcept;
  void note(Duration apart) const noexcept;

  const Clock& machine_;
  const Duration tolerance_;
  std::atomic<Instant::rep> floor_;  // nothing is before
  mutable std::atomic<Duration::rep> seen_ =
      0;  // the furthest apart since the last watch(), beyond tolerance
  std::atomic<bool> wrong_ = false;
  std::atomic<std::uint64_t> jumps_ = 0;
};

}  // namespace writ::server
