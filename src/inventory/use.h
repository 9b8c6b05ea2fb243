// Use: on which days an identity was used, kept up by the decisions themselves.
//
// One object for each identity, shared by the snapshots that list it, so that a change of the inventory
// forgets no use. A decision's part is one load, and one store on the first use of a day. Days are counted in
// UTC since the Unix epoch; 0 stands for never. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace writ::inventory {

using Day = std::uint32_t;

inline Day day_of(Instant instant) noexcept {
  const auto days = std::chrono::floor<std::chrono::days>(instant.time_since_epoch()).count();
  return days > 0 ? static_cast<Day>(days) : 0;
}
inline Instant instant_of(Day day) noexcept {
  return Instant(std::chrono::days(day));
}

// As it is stored.
struct UsedDays {
  std::string id;
  Day active_since = 0;  // it could be used from then on
  Day first = 0, last = 0;
  friend bool operator==(const UsedDays&, const UsedDays&) = default;
};

class Use {
 public:
  // It was permitted something that day. A day before the last one changes nothing.
  void note(Day day) noexcept {
    if (last_.load(std::memory_order_relaxed) >= day) return;
    note_new(day);
  }
  // Only the first activation counts. True: this was it.
  bool activate(Day day) noexcept {
    Day none = 0;
    return active_since_.compare_exchange_strong(none, day, std::memory_order_relaxed);
  }
  // Takes over what was stored; before anything is noted.
  void restore(const UsedDays& stored) noexcept {
    active_since_ = stored.active_since;
    first_ = stored.first;
    last_ = kept_ = stored.last;
  }

  Day active_since() const noexcept { return active_since_.load(std::memory_order_relaxed); }
  Day first() const noexcept { return first_.load(std::memory_order_relaxed); }
  Day last() const noexcept { return last_.load(std::memory_order_relaxed); }
  // The last permitted use or, before the first one, the activation. 0: neither.
  Day last_or_activation() const noexcept { return last() != 0 ? last() : active_since(); }

  // Whether there is something new since the last call of kept(). One thread keeps.
  bool to_keep() const noexcept { return kept_.load(std::memory_order_relaxed) < last(); }
  void kept(Day last) noexcept { kept_.store(last, std::memory_order_relaxed); }

 private:
  void note_new(Day day) noexcept {
    Day none = 0;
    first_.compare_exchange_strong(none, day, std::memory_order_relaxed);
    Day before = last_.load(std::memory_order_relaxed);
    while (before < day && !last_.compare_exchange_weak(before, day, std::memory_order_relaxed)) {
    }
  }

  std::atomic<Day> active_since_{0}, first_{0}, last_{0}, kept_{0};
};

}  // namespace writ::inventory
