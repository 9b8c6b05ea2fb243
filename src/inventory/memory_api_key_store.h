// A store of API keys in memory, for worlds that end with the process.
#pragma once

#include <map>

#include "inventory/api_key_registry.h"

namespace writ::inventory {

class MemoryApiKeyStore : public ApiKeyStore {
 public:
  Result<std::vector<ApiKey>> load_api_keys() override {
    std::vector<ApiKey> keys;
    for (const auto& [id, kept] : kept_) {
      auto key = TRY(api_key_from_record(kept.first));
      key.last_used_at = kept.second;
      keys.push_back(std::move(key));
    }
    return keys;
  }
  Result<void> save_api_keys(std::span<const ApiKey> keys) override {
    TRY(before_write());
    for (const auto& key : keys) {
      auto& kept = kept_[key.id];
      kept = {api_key_record(key), std::max(kept.second, key.last_used_at)};
    }
    return {};
  }
  Result<void> forget_api_keys(std::span<const std::string> ids) override {
    TRY(before_write());
    for (const auto& id : ids) kept_.erase(id);
    return {};
  }

 protected:
  // Where a test can fail.
  virtual Result<void> before_write() { return {}; }

 private:
  std::map<std::string, std::pair<std::string, std::optional<Instant>>> kept_;
};

}  // namespace writ::inventory
