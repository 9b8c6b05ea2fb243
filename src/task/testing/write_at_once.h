// A writer for tests: writes inside the call, one after the other, or when it is told to.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "task/write_at_once.h"

namespace writ::task::testing {

class WriteAtOnce final : public task::WriteAtOnce {
 public:
  using task::WriteAtOnce::WriteAtOnce;

  std::atomic<bool> held = false;  // what is to be written waits until release()

  void write(std::unique_ptr<Write> write, Done done) noexcept override {
    if (!held) return task::WriteAtOnce::write(std::move(write), std::move(done));
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
    for (auto& [write, done] : waiting) task::WriteAtOnce::write(std::move(write), std::move(done));
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
  mutable std::mutex mutex_;
  std::vector<std::pair<std::unique_ptr<Write>, Done>> waiting_;
};

}  // namespace writ::task::testing
