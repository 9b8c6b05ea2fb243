// RetryBudget: how many requests may be sent again, so that retries never make an outage worse. A share of
// the requests that there were, and a few a second whatever there were; at most ten seconds' worth is saved
// up. Not thread-safe; time is an argument.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace writ::http {

class RetryBudget {
 public:
  RetryBudget(unsigned percent, unsigned per_second)
      : percent_(percent), per_second_(per_second), left_(per_second) {}

  // `requests`: all that there were until now, without retries.
  bool take(std::uint64_t requests, std::chrono::steady_clock::time_point now) {
    if (seen_at_ != std::chrono::steady_clock::time_point()) {
      const std::chrono::duration<double> passed = now - seen_at_;
      left_ += std::max(passed.count(), 0.0) * per_second_;
    }
    left_ += static_cast<double>(requests - seen_) * percent_ / 100;
    left_ = std::min(left_, 10.0 * std::max(per_second_, 1U));
    seen_ = requests;
    seen_at_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  const unsigned percent_, per_second_;
  double left_;
  std::uint64_t seen_ = 0;
  std::chrono::steady_clock::time_point seen_at_{};
};

}  // namespace writ::http
