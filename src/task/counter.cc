#include "task/counter.h"

#include <algorithm>

#include "base/check.h"

namespace writ::task {

Counter::Counter(std::string name, std::int64_t max, std::int64_t used, std::int64_t block)
    : name_(std::move(name)), block_(block), max_(max), used_(used), reserved_(used) {}

Result<void> Counter::reserve(std::int64_t amount, std::string_view task, BudgetStore& store) {
  WRIT_CHECK(has(amount));
  const auto needed = used() + amount;
  if (reserved_ >= needed) return {};
  const auto more = std::min(max(), std::max(needed, reserved_ + block_));
  TRY(store.reserve({std::string(task), name_, more}));
  reserved_ = more;
  return {};
}

void Counter::take(std::int64_t amount) noexcept {
  WRIT_CHECK(amount <= reserved_ - used());
  used_.store(used() + amount, std::memory_order_relaxed);
}

void Counter::lower(std::int64_t max) noexcept {
  if (max < this->max()) max_.store(max, std::memory_order_relaxed);
}

Result<void> Counter::settle(std::string_view task, BudgetStore& store) {
  if (used() == reserved_) return {};
  TRY(store.settle({std::string(task), name_, used()}));
  reserved_ = used();
  return {};
}

}  // namespace writ::task
