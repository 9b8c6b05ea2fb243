// Counter: how much of one budget is used, in memory, in blocks that were reserved in the store beforehand:
// a crash may lose what was reserved and not used, and never grants more.
//
// Whoever changes it holds the task's lock; used() and left() may be read at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace writ::task {

// What the store knows of a budget: how much of it may have been used.
struct Reservation {
  std::string task;
  // "" for all calls, an action's text, "amount:NAME" (of ten-thousandths) or "rate:SECONDS" (an instant).
  std::string budget;
  std::int64_t amount;
};

class BudgetStore {
 public:
  virtual ~BudgetStore() = default;
  // Never lowers what is reserved. Durable when it returns.
  virtual Result<void> reserve(const Reservation& reservation) = 0;
  // Lowers what is reserved to what was used, when no call can follow.
  virtual Result<void> settle(const Reservation& used) = 0;
};

class Counter {
 public:
  // `used` is what an earlier process may have used; `block` is how much is reserved with one durable write.
  Counter(std::string name, std::int64_t max, std::int64_t used, std::int64_t block);

  const std::string& name() const noexcept { return name_; }
  std::int64_t max() const noexcept { return max_.load(std::memory_order_relaxed); }
  std::int64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  bool has(std::int64_t amount) const noexcept { return amount <= max() - used(); }

  // Makes sure that what is about to be taken is reserved; has(amount).
  Result<void> reserve(std::int64_t amount, std::string_view task, BudgetStore& store);
  // What was reserved.
  void take(std::int64_t amount) noexcept;
  // Never raises it. What is used already stays used, also when it is more.
  void lower(std::int64_t max) noexcept;
  // Gives back what was reserved and not used; for an orderly end of the process.
  Result<void> settle(std::string_view task, BudgetStore& store);

 private:
  const std::string name_;
  const std::int64_t block_;
  std::atomic<std::int64_t> max_;
  std::atomic<std::int64_t> used_;
  std::int64_t reserved_;
};

}  // namespace writ::task
