#include "task/rate.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::task {
namespace {

// A crash may lose so much time. Less would be over before a slow disk has written it.
constexpr Duration kLeastAhead{2'000};

}  // namespace

std::string rate_name(std::int64_t seconds) {
  return fmt::format("rate:{}", seconds);
}

RateWindow::RateWindow(Rate rate, std::int64_t reserved)
    : name_(rate_name(rate.seconds)),
      window_(std::chrono::seconds(rate.seconds)),
      calls_(rate.calls),
      reserved_(Duration(reserved)),
      asked_(reserved_),
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
  return std::count_if(uses_.begin() + static_cast<std::ptrdiff_t>(first_), uses_.end(),
                       [&](Instant use) { return now < use + window_; });
}

// One durable write for an eighth of the window.
Duration RateWindow::ahead() const noexcept {
  return std::max(window_ / 8, kLeastAhead);
}

std::int64_t RateWindow::ask_for(Instant now) noexcept {
  asked_ = std::max(asked_, counted_at(now) + ahead());
  return unix_millis(asked_);
}

bool RateWindow::runs_low(Instant now) const noexcept {
  return asked_ <= reserved_ && reserved_ - counted_at(now) < ahead() / 2;
}

void RateWindow::reserved(std::int64_t up_to, bool done) noexcept {
  if (done) reserved_ = std::max(reserved_, Instant(Duration(up_to)));
  if (!done || asked_ < reserved_) asked_ = reserved_;
}

void RateWindow::make_room() {
  if (uses_.size() < uses_.capacity()) return;
  if (first_ == 0 || first_ < uses_.size() / 2)
    return uses_.reserve(std::max<std::size_t>(8, uses_.size() * 2));
  uses_.erase(uses_.begin(), uses_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void RateWindow::take(Instant now) noexcept {
  uses_.push_back(counted_at(now));
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
  if (uses_.size() - first_ > calls) first_ = uses_.size() - calls;
  const auto free_at = uses_.size() - first_ < calls ? begin_ : std::max(begin_, uses_[first_] + window_);
  free_at_.store(free_at.time_since_epoch().count(), std::memory_order_relaxed);
}

Result<void> RateWindow::settle(std::string_view task, BudgetStore& store) {
  if (uses_.empty() || uses_.back() == reserved_) return {};
  TRY(store.settle({std::string(task), name_, unix_millis(uses_.back())}));
  reserved_ = asked_ = uses_.back();
  return {};
}

}  // namespace writ::task
