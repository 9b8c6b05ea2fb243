// A writer for tests: writes inside the call, one after the other, or when it is told to.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "task/call_approvals.h"
#include "task/registry.h"
#include "task/write.h"

namespace writ::task::testing {

class WriteAtOnce final : public Writer {
 public:
  WriteAtOnce(Store& tasks, CallStore& calls) : tasks_(tasks), calls_(calls) {}

  std::atomic<bool> held = false;  // what is to be written waits until release()

  void write(std::unique_ptr<Write> write, Done done) noexcept override {
    if (!held) return finish(std::move(write), std::move(done));
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(write), std::move(done));
  }
  // Writes what waits, on the caller's thread.
  void release() {
    held = false;
    std::vector<std::pair<std::unique_ptr<Write>, Done>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    for (auto& [write, done] : waiting) finish(std::move(write), std::move(done));
  }
  // Loses what waits.
  void forget() {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
  }
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  void finish(std::unique_ptr<Write> write, Done done) noexcept {
    Result<void> result = failure(ErrorCode::kUnavailable, {});
    try {
      result = written(*write);
    } catch (const std::bad_alloc&) {  // a test lets memory run out
    }
    write->settle_as(result.has_value());
    done(std::move(result));
  }
  Result<void> written(const Write& write) {
    for (const auto& [task, labels] : write.labels) TRY(tasks_.save_labels(task, labels));
    for (const auto& reservation : write.reservations) TRY(tasks_.reserve(reservation));
    if (!write.lapsed.empty()) TRY(calls_.forget_call(write.lapsed));
    if (!write.call) return {};
    const auto& [approval, state] = *write.call;
    return state == CallState::kPending ? calls_.save_call(approval)
                                        : calls_.save_call_state(approval, state);
  }

  Store& tasks_;
  CallStore& calls_;
  mutable std::mutex mutex_;
  std::vector<std::pair<std::unique_ptr<Write>, Done>> waiting_;
};

}  // namespace writ::task::testing
