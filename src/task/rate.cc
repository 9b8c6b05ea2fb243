#include "task/rate.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/check.h"

namespace writ::task {

std::string rate_name(std::int64_t seconds) {
  return fmt::format("rate:{}", seconds);
}

RateWindow::RateWindow(Rate rate, std::int64_t reserved)
    : name_(rate_name(rate.seconds)),
      window_(std::chrono::seconds(rate.seconds)),
      calls_(rate.calls),
      reserved_(Duration(reserved)),
      begin_(reserved == 0 ? Instant() : reserved_ + window_),
      free_at_(begin_.time_since_epoch().count()) {}

std::int64_t RateWindow::seconds() const noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(window_).count();
}

Instant RateWindow::counted_at(Instant now) const noexcept {
  return uses_.empty() ? now : std::max(now, uses_.back());
}

std::int64_t RateWindow::used(Instant now) const noexcept {
  if (now < begin_) return calls();
  return std::ranges::count_if(uses_, [&](Instant use) { return now < use + window_; });
}

Result<void> RateWindow::reserve(Instant now, std::string_view task, BudgetStore& store) {
  const auto at = counted_at(now);
  if (at <= reserved_) return {};
  // One durable write for an eighth of the window.
  const auto until = at + window_ / 8;
  TRY(store.reserve({std::string(task), name_, unix_millis(until)}));
  reserved_ = until;
  return {};
}

void RateWindow::take(Instant now) {
  const auto at = counted_at(now);
  WRIT_CHECK(has(now) && at <= reserved_);
  uses_.push_back(at);
  find_free_at();
}

void RateWindow::lower(std::int64_t calls) noexcept {
  if (calls >= this->calls()) return;
  calls_.store(calls, std::memory_order_relaxed);
  find_free_at();
}

// There is a call left as soon as the first of the last `calls` ones no longer counts.
void RateWindow::find_free_at() noexcept {
  const auto calls = static_cast<std::size_t>(this->calls());
  while (uses_.size() > calls) uses_.pop_front();
  const auto free_at = uses_.size() < calls ? begin_ : std::max(begin_, uses_.front() + window_);
  free_at_.store(free_at.time_since_epoch().count(), std::memory_order_relaxed);
}

Result<void> RateWindow::settle(std::string_view task, BudgetStore& store) {
  if (uses_.empty() || uses_.back() == reserved_) return {};
  TRY(store.settle({std::string(task), name_, unix_millis(uses_.back())}));
  reserved_ = uses_.back();
  return {};
}

}  // namespace writ::task
