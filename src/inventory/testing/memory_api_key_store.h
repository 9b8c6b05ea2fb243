// A store of API keys for tests: in memory, and failing when told to.
#pragma once

#include "inventory/memory_api_key_store.h"

namespace writ::inventory::testing {

class MemoryApiKeyStore final : public inventory::MemoryApiKeyStore {
 public:
  bool broken = false;

 private:
  Result<void> before_write() override {
    return broken ? failure(ErrorCode::kIo, "the disk is full") : Result<void>();
  }
};

}  // namespace writ::inventory::testing
