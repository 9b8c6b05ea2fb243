// A store for tests: in memory, and failing when told to.
#pragma once

#include <atomic>

#include "task/memory_store.h"

namespace writ::task::testing {

class MemoryStore final : public task::MemoryStore {
 public:
  std::atomic<bool> broken = false;
  std::atomic<int> reservations = 0;

  Result<void> reserve(const Reservation& reservation) override {
    TRY(task::MemoryStore::reserve(reservation));
    ++reservations;
    return {};
  }

 private:
  Result<void> before_write() override {
    return broken ? failure(ErrorCode::kIo, "the disk is full") : Result<void>();
  }
};

}  // namespace writ::task::testing
