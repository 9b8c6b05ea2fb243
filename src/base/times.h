// Times: one moment as both readings of a clock tell it (base/clock.h), for code that asks of beginnings and
// of ends.
#pragma once

#include "base/clock.h"

namespace writ {

// An Instant becomes one: a moment that nobody doubts.
struct Times {
  Times(Instant exact) noexcept : earliest(exact), latest(exact) {}  // NOLINT(google-explicit-constructor)
  Times(Instant earlier, Instant later) noexcept : earliest(earlier), latest(later) {}

  bool begun(Instant begin) const noexcept { return earliest >= begin; }
  bool ended(Instant end) const noexcept { return latest >= end; }
  // How far the readings differ.
  Duration apart() const noexcept { return latest - earliest; }
  friend bool operator==(const Times&, const Times&) = default;

  Instant earliest, latest;
};

inline Times times_of(const Clock& clock) noexcept {
  return clock.times();
}

}  // namespace writ
