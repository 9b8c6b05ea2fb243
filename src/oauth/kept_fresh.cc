#include "oauth/kept_fresh.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

#include "audit/record.h"

namespace writ::oauth {
namespace {

constexpr std::size_t kMaxWaiting = 64;

}  // namespace

void KeptFresh::start() {
  const std::lock_guard lock(mutex_);
  if (started_ || stopping_) return;
  started_ = fetching_ = true;
  due_ = Steady::now();
  thread_ = std::thread([this] { run(); });
}

void KeptFresh::begin_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void KeptFresh::stop() {
  begin_stop();
  if (thread_.joinable()) thread_.join();
}

bool KeptFresh::wait_for_fetch(Then& then) {
  const std::lock_guard lock(mutex_);
  ++status_.asked_for;
  if (!started_ || stopping_) return false;
  if (!fetching_) {
    const auto now = Steady::now();
    if (now < next_for_asked_) {
      // Too soon, but not forgotten.
      postponed_ = true;
      due_ = std::min(due_, next_for_asked_);
      changed_.notify_all();
      return false;
    }
    next_for_asked_ = now + parts_.rules.apart;
    due_ = now;
    fetching_ = true;
    changed_.notify_all();
  }
  if (waiting_.size() >= kMaxWaiting) return false;
  waiting_.push_back(std::move(then));
  return true;
}

void KeptFresh::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (const auto due = due_; Steady::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    fetching_ = true;
    if (std::exchange(postponed_, false)) next_for_asked_ = Steady::now() + parts_.rules.apart;
    lock.unlock();
    const auto answer = fetch();
    settle(answer);
    lock.lock();
    due_ = due_after(answer);
    fetching_ = false;
    auto waiting = std::exchange(waiting_, {});
    lock.unlock();
    call(waiting);
    lock.lock();
  }
  fetching_ = false;
  auto waiting = std::exchange(waiting_, {});
  lock.unlock();
  call(waiting);
}

// Want of memory ends this one attempt.
Result<KeptFresh::Freshness> KeptFresh::fetch() {
  try {
    return parts_.fetch();
  } catch (const std::exception& error) {
    return failure(ErrorCode::kInternal, error.what());
  }
}

void KeptFresh::settle(const Result<Freshness>& answer) {
  try {
    std::string line;
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) line = note(answer);
    }
    if (!line.empty()) tell(std::move(line));
    parts_.settled();
  } catch (const std::exception& error) {
    // For want of memory. The next attempt tells it.
    std::fprintf(stderr, "writ: what is kept fresh: %s\n", error.what());
  }
}

std::string KeptFresh::note(const Result<Freshness>& answer) {
  if (answer) {
    ++status_.fetched;
    failures_in_a_row_ = 0;
    return std::exchange(status_.failure, {}) ? parts_.name + " are fetched again" : "";
  }
  ++status_.failed;
  ++failures_in_a_row_;
  const auto now = times_of(parts_.clock);
  const auto& why = answer.error().message;
  const auto before = std::exchange(status_.failure, std::pair(now.latest, why));
  if (before && before->second == why) return {};
  const auto at = parts_.fetched_at();
  return fmt::format("{} could not be fetched: {}; {}", parts_.name, why,
                     at && in_force(*at, now)
                         ? fmt::format("those of {} stay in force until {}", audit::format_time(*at),
                                       audit::format_time(*at + parts_.rules.keep))
                         : parts_.without);
}

KeptFresh::Steady::time_point KeptFresh::due_after(const Result<Freshness>& answer) const {
  const auto now = times_of(parts_.clock);
  std::chrono::milliseconds pause =
      answer ? parts_.rules.pause(*answer) : parts_.rules.pause_after(failures_in_a_row_);
  if (const auto at = parts_.fetched_at(); at && in_force(*at, now))
    pause = std::min(pause, *at + parts_.rules.keep - now.latest + Duration(1));
  return Steady::now() + pause;
}

void KeptFresh::call(std::vector<Then>& waiting) {
  for (auto& then : waiting) {
    try {
      then();
    } catch (const std::exception& error) {
      tell(fmt::format("a request that waited for {} broke: {}", parts_.name, error.what()));
    }
  }
}

void KeptFresh::tell(std::string line) const {
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  parts_.tell(line);
}

KeptFresh::Status KeptFresh::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

Result<std::string> body_of(const std::string& url, http::Response answer) {
  if (answer.status == 200) return std::move(answer.body);
  const bool redirect = answer.status >= 300 && answer.status < 400;
  return failure(
      ErrorCode::kUnavailable,
      fmt::format("`{}`: the answer is {}{}", url, answer.status,
                  redirect ? ", and redirects are not followed: name the place that it leads to" : ""));
}

}  // namespace writ::oauth
