#include "audit/head_keeper.h"

#include <fmt/format.h>

namespace writ::audit {

HeadKeeper::HeadKeeper(HeadStore& heads, std::chrono::milliseconds every,
                       std::function<Result<void>()> before, std::function<void(const std::string&)> tell)
    : heads_(heads), every_(every), before_(std::move(before)), tell_(std::move(tell)) {
  thread_ = std::thread([this] { run(); });
}

HeadKeeper::~HeadKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void HeadKeeper::moved(const Head& head) {
  const std::lock_guard lock(mutex_);
  head_ = head;
  // It looks by itself every so often.
  moved_ = true;
}

std::uint64_t HeadKeeper::noted() const {
  const std::lock_guard lock(mutex_);
  return noted_;
}

void HeadKeeper::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, every_, [&] { return stopping_; });
    const bool last = stopping_;
    const bool moved = std::exchange(moved_, false);
    const Head head = head_;
    lock.unlock();
    if (moved) note(head);
    if (last) return;
  }
}

void HeadKeeper::note(const Head& head) {
  Result<void> done;
  try {
    done = before_();
    if (done) done = heads_.save_head(head);
  } catch (const std::exception& exception) {
    done = failure(ErrorCode::kInternal, exception.what());
  }
  if (!done && !failed_)
    tell_(fmt::format("the head of the audit log cannot be noted in the database: {}; tried again",
                      done.error().message));
  if (done && failed_) tell_("the database can be written again");
  failed_ = !done;
  const std::lock_guard lock(mutex_);
  if (done) {
    noted_ = head.seq;
  } else {
    moved_ = true;
  }
}

}  // namespace writ::audit
