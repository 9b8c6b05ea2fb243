#include "server/resumed_clock.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::server {
namespace {

std::string seconds_of(Duration by) {
  return fmt::format("{} s", std::chrono::round<std::chrono::seconds>(by).count());
}

}  // namespace

ResumedClock::ResumedClock(const Clock& machine, Instant began, Duration tolerance)
    : machine_(machine), tolerance_(tolerance), floor_(began.time_since_epoch().count()) {}

Instant ResumedClock::never_before_the_floor(Instant time) const noexcept {
  return std::max(time, Instant(Duration(floor_.load(std::memory_order_relaxed))));
}

Instant ResumedClock::now() const noexcept {
  return times().latest;
}

Times ResumedClock::times() const noexcept {
  const auto now = times_of(machine_);
  if (now.apart() > tolerance_) note(now.apart());
  return {never_before_the_floor(now.earliest), never_before_the_floor(now.latest)};
}

Instant ResumedClock::earliest() const noexcept {
  return never_before_the_floor(machine_.earliest());
}

void ResumedClock::note(Duration apart) const noexcept {
  auto seen = seen_.load(std::memory_order_relaxed);
  while (seen < apart.count() && !seen_.compare_exchange_weak(seen, apart.count())) {
  }
}

std::optional<std::string> ResumedClock::trouble() const {
  const auto apart = this->apart();
  if (apart <= tolerance_) return std::nullopt;
  return fmt::format(
      "the system's clock was set by {} while Writ was running: set it right, or restart Writ if it "
      "is right now; until then, new tokens may have expired already",
      seconds_of(apart));
}

std::optional<std::string> ResumedClock::watch() {
  const auto earliest = machine_.earliest().time_since_epoch().count();
  if (earliest > floor_.load(std::memory_order_relaxed)) floor_.store(earliest, std::memory_order_relaxed);
  const Duration seen(seen_.exchange(0));
  auto trouble = this->trouble();
  const bool was_wrong = wrong_.exchange(trouble.has_value());
  if (trouble) {
    if (was_wrong) return std::nullopt;
    ++jumps_;
    return trouble;
  }
  if (was_wrong) return "the system's clock is right again";
  if (seen == Duration{}) return std::nullopt;
  ++jumps_;
  return fmt::format("the system's clock was set by {} for a moment, and is right again", seconds_of(seen));
}

}  // namespace writ::server
