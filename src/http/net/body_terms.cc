#include "http/net/body_terms.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/notice.h"
#include "http/h1/connection.h"

namespace writ::http {

void BodyTerms::begin(const ServerCore& core) noexcept {
  budget_ = nullptr;
  one_deadline_ = false;
  patience_ = core.options.body_timeout;
  wait_began_ = kNever;
}

std::chrono::milliseconds BodyTerms::wait() noexcept {
  wait_began_ = std::chrono::steady_clock::now();
  return patience_;
}

void BodyTerms::came(const ServerCore& core, std::size_t bytes) noexcept {
  if (wait_began_ == kNever) return;
  using std::chrono::milliseconds;
  const auto waited = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() -
                                                               std::exchange(wait_began_, kNever));
  const auto rate = std::max<std::uint64_t>(core.options.min_body_rate, 1);
  const milliseconds earned(one_deadline_ ? 0 : static_cast<milliseconds::rep>(1000 * bytes / rate));
  patience_ = std::clamp(patience_ - waited + earned, milliseconds(0), core.options.body_timeout);
}

bool BodyTerms::hold(ServerCore& core, std::size_t bytes) {
  if (bytes == 0 || budget_ == nullptr) return true;
  if (budget_->take(bytes)) {
    held_bytes_ += bytes;
    return true;
  }
  core.bodies_refused.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(fmt::format("bodies of {} fill all of the memory for them, more get 503 ({} times)",
                          budget_ == &core.known_bytes ? "known callers" : "strangers", *times));
  return false;
}

void BodyTerms::let_go() noexcept {
  if (held_bytes_ > 0) budget_->give_back(std::exchange(held_bytes_, 0));
}

FramingRefusal body_too_large(std::uint64_t max) {
  return {.status = 413,
          .code = "body_too_large",
          .message = fmt::format("the request's body is larger than {} bytes", max)};
}

FramingRefusal streamed_body_too_large() {
  return {.status = 413,
          .code = "body_too_large",
          .message = "the request's body is larger than this server takes"};
}

FramingRefusal body_too_slow() {
  return {.status = 408, .code = "request_timeout", .message = "the request's body did not arrive in time"};
}

FramingRefusal no_memory_for_body() {
  return {.status = 503,
          .code = "overloaded",
          .message = "too many requests with bodies are under way; try again later"};
}

}  // namespace writ::http
