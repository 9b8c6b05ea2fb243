// A store of call approvals for tests: in memory, and failing when told to.
#pragma once

#include <atomic>

#include "task/memory_call_store.h"

namespace writ::task::testing {

class MemoryCallStore final : public task::MemoryCallStore {
 public:
  std::atomic<bool> broken = false;

 private:
  Result<void> before_write() override {
    return broken ? failure(ErrorCode::kIo, "the disk is full") : Result<void>();
  }
};

}  // namespace writ::task::testing
