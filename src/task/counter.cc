#include "task/counter.h"

#include <algorithm>

namespace writ::task {

Counter::Counter(std::string name, std::int64_t max, std::int64_t used, std::int64_t block)
    : name_(std::move(name)), block_(block), max_(max), used_(used), reserved_(used), asked_(used) {}

std::int64_t Counter::ask_for(std::int64_t amount) noexcept {
  const auto needed = used() + amount;
  const auto wanted = asked_ > reserved_ ? asked_ + amount : reserved_ + block_;
  return asked_ = std::max(needed, std::min(max(), wanted));
}

void Counter::reserved(std::int64_t up_to, bool done) noexcept {
  if (done) reserved_ = std::max(reserved_, up_to);
  if (!done || asked_ < reserved_) asked_ = reserved_;
}

void Counter::take(std::int64_t amount) noexcept {
  used_.store(used() + amount, std::memory_order_relaxed);
}

void Counter::lower(std::int64_t max) noexcept {
  if (max < this->max()) max_.store(max, std::memory_order_relaxed);
}

Result<void> Counter::settle(std::string_view task, BudgetStore& store) {
  if (used() == reserved_) return {};
  TRY(store.settle({std::string(task), name_, used()}));
  reserved_ = asked_ = used();
  return {};
}

}  // namespace writ::task
