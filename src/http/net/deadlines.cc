#include "http/net/deadlines.h"

#include <algorithm>

namespace writ::http {
namespace {
// How closely two looks at the whole list may follow each other.
constexpr std::chrono::milliseconds kMinimumGap{10};
}  // namespace

Timed::~Timed() {
  unwatch();
}

void Timed::watch(Deadlines& deadlines) {
  deadlines.all_.push_back(this);
  deadlines_ = &deadlines;
  index_ = deadlines.all_.size() - 1;
}

void Timed::unwatch() noexcept {
  if (deadlines_ == nullptr) return;
  auto& all = deadlines_->all_;
  all[index_] = all.back();
  all[index_]->index_ = index_;
  all.pop_back();
  deadlines_ = nullptr;
}

void Timed::expire_after(std::chrono::milliseconds delay) {
  deadline_ = std::chrono::steady_clock::now() + delay;
  if (deadlines_ != nullptr && deadline_ < deadlines_->armed_) deadlines_->arm(deadline_);
}

void Deadlines::clear() noexcept {
  for (Timed* timed : all_) timed->deadlines_ = nullptr;
  all_.clear();
  armed_ = kNever;
  timer_.cancel();
}

void Deadlines::arm(SteadyTime when) {
  // Armed only when it is: without memory for it, whoever sets a deadline next tries again.
  armed_ = kNever;
  timer_.expires_at(when);
  timer_.async_wait([this](SystemError error) {
    if (!error) fire();
  });
  armed_ = when;
}

void Deadlines::fire() {
  const SteadyTime now = std::chrono::steady_clock::now();
  armed_ = kNever;
  // on_deadline may end this or another connection and so change the list; a connection that is moved to a
  // place already looked at is seen at the next firing.
  for (std::size_t i = 0; i < all_.size(); ++i) {
    Timed* timed = all_[i];
    if (timed->deadline_ > now) continue;
    timed->deadline_ = kNever;
    timed->on_deadline();
    if (i < all_.size() && all_[i] != timed) --i;
  }
  SteadyTime next = kNever;
  for (const Timed* timed : all_) next = std::min(next, timed->deadline_);
  if (next != kNever) arm(std::max(next, now + kMinimumGap));
}

}  // namespace writ::http
