// Rate: so many calls in any stretch of so many seconds. The window slides: each call counts for `seconds`
// from when it was made, so no stretch of that length ever has more.
//
// What is remembered is the time of the last calls, in memory. On disk stands an instant up to which calls
// may have been made, written a little ahead of them. A start that reads it takes the rate for used up at
// that instant. So a crash may lose calls and never grants more. Time never runs backwards here: a call
// that is made after the clock was set back counts as made at the latest one before it.
//
// Changing it needs the task's lock; has() and free_at() may be called at any time. Nothing here waits: it
// says what has to be reserved, and the caller says when that was written.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "task/counter.h"

namespace writ::task {

inline constexpr std::size_t kMaxRates = 4;            // of one task
inline constexpr std::int64_t kMaxRateCalls = 10'000;  // each is remembered
inline constexpr std::int64_t kMaxRateSeconds = 31 * 86'400;

struct Rate {
  std::int64_t calls;
  std::int64_t seconds;
};

// "rate:60", for the store; no action's text is that.
std::string rate_name(std::int64_t seconds);

class RateWindow {
 public:
  // `reserved`: milliseconds of the instant up to which an earlier process may have made calls; 0: none.
  RateWindow(Rate rate, std::int64_t reserved);

  const std::string& name() const noexcept { return name_; }
  std::int64_t calls() const noexcept { return calls_.load(std::memory_order_relaxed); }
  std::int64_t seconds() const noexcept;
  // From when on there is a call left.
  Instant free_at() const noexcept { return Instant(Duration(free_at_.load(std::memory_order_relaxed))); }
  bool has(Instant now) const noexcept { return now >= free_at(); }
  // Under the lock.
  std::int64_t used(Instant now) const noexcept;

  bool is_reserved(Instant now) const noexcept { return counted_at(now) <= reserved_; }
  // Up to when to reserve (milliseconds), before a call can be taken; has(now).
  std::int64_t ask_for(Instant now) noexcept;
  // What is reserved ends soon, and nobody asked for more.
  bool runs_low(Instant now) const noexcept;
  // It is on disk that calls may be made until then; or it may not be.
  void reserved(std::int64_t up_to, bool done) noexcept;
  // Memory for one call more, so that take() cannot fail.
  void make_room();
  // What is there, and is reserved.
  void take(Instant now) noexcept;
  // Never raises it.
  void lower(std::int64_t calls) noexcept;
  // Gives back the time that was reserved ahead; for an orderly end of the process.
  Result<void> settle(std::string_view task, BudgetStore& store);

 private:
  Instant counted_at(Instant now) const noexcept;
  Duration ahead() const noexcept;
  void find_free_at() noexcept;

  const std::string name_;
  const Duration window_;
  std::atomic<std::int64_t> calls_;
  // The last calls, in order: from uses_[first_] on, at most `calls` of them.
  std::vector<Instant> uses_;
  std::size_t first_ = 0;
  Instant reserved_;     // up to when calls may be made without another word to the store
  Instant asked_;        // as far as writes are under way
  const Instant begin_;  // nothing passes before: what an earlier process may have done
  std::atomic<Instant::rep> free_at_;
};

}  // namespace writ::task
