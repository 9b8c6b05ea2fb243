// Counter: how much of one budget is used, in memory, in blocks that were reserved in the store beforehand:
// a crash may lose what was reserved and not used, and never grants more.
//
// Changing it needs the task's lock; used() and has() may be called at any time. Nothing here waits: it says
// what has to be reserved, and the caller says when that was written.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "task/write.h"

namespace writ::task {

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

  bool is_reserved(std::int64_t amount) const noexcept { return amount <= reserved_ - used(); }
  // Up to where to reserve, before so much can be taken; has(amount). Those that ask while others wait ask
  // for more.
  std::int64_t ask_for(std::int64_t amount) noexcept;
  // Less than half a block is left, and nobody asked for more.
  bool runs_low() const noexcept {
    return reserved_ - used() < block_ / 2 && asked_ <= reserved_ && reserved_ < max();
  }
  // It is on disk that so much may be used; or it may not be.
  void reserved(std::int64_t up_to, bool done) noexcept;
  // What is there, and is reserved.
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
  std::int64_t asked_;  // as far as writes are under way
};

}  // namespace writ::task
