#include "token/token_attempts.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/notice.h"

namespace writ::token {
namespace {

constexpr std::size_t kSources = 4096;

}  // namespace

TokenAttempts::TokenAttempts(Options options)
    : options_(std::move(options)), sources_(kSources, http::Debts::every(options_.wrong_per_minute)) {}

TokenAttempts::From TokenAttempts::from(std::string_view peer_ip) const {
  return keys_.guesser(peer_ip, options_.proxies);
}

std::optional<Duration> TokenAttempts::wait_of(const From& from, Instant now) const {
  const auto free = static_cast<double>(options_.wrong_per_minute);
  const double owed = from.proxied ? 0 : sources_.of(from.source, now) + 1;
  return owed > free ? std::optional(sources_.until(owed, free)) : std::nullopt;
}

std::optional<Duration> TokenAttempts::wait(const From& from, Instant now) const {
  const std::scoped_lock lock(mutex_);
  return wait_of(from, now);
}

std::optional<Duration> TokenAttempts::begin(const From& from, Instant now) {
  std::unique_lock lock(mutex_);
  if (const auto wait = wait_of(from, now)) {
    lock.unlock();
    slowed_.fetch_add(1, std::memory_order_relaxed);
    static Notice notice;
    if (const auto times = notice.due())
      say_limit(
          fmt::format("too many tokens that are not good come from one address, more get 429 ({} times, of "
                      "all addresses)",
                      *times));
    return wait;
  }
  if (!from.proxied) sources_.add(from.source, 1, now);
  tried_.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

void TokenAttempts::end(const From& from, bool right, Instant now) {
  if (!right) return;
  right_.fetch_add(1, std::memory_order_relaxed);
  const std::scoped_lock lock(mutex_);
  if (!from.proxied) sources_.add(from.source, -1, now);
}

http::AttemptStats TokenAttempts::stats() const noexcept {
  return {tried_.load(std::memory_order_relaxed), right_.load(std::memory_order_relaxed),
          slowed_.load(std::memory_order_relaxed)};
}

bool Brought::may_look(Instant now) {
  if (attempts_ == nullptr) return true;
  from_ = attempts_->from(peer_ip_);
  const auto wait = counts_ == Counts::kYes ? attempts_->begin(from_, now) : attempts_->wait(from_, now);
  wait_ = wait.value_or(Duration(0));
  return !wait;
}

void Brought::looked(bool right, Instant now) {
  if (attempts_ != nullptr && counts_ == Counts::kYes) attempts_->end(from_, right, now);
}

void Brought::awaits_key(Instant now) {
  awaits_key_ = true;
  looked(true, now);
}

void Brought::in_vain(Instant now) {
  awaits_key_ = false;
  if (attempts_ != nullptr && counts_ == Counts::kYes) (void)attempts_->begin(from_, now);
}

}  // namespace writ::token
