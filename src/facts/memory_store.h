// The entities in memory, for tests of modules that push some. Not thread-safe.
#pragma once

#include <map>

#include "facts/registry.h"

namespace writ::facts {

class MemoryStore final : public Store {
 public:
  Result<void> load_entities(const std::function<Result<void>(std::string_view record)>& each) override {
    for (const auto& [name, record] : entities_) TRY(each(record));
    return {};
  }
  Result<void> save_entities(std::span<const StoredEntity> entities) override {
    for (const auto& [name, record] : entities) {
      if (record.empty()) {
        entities_.erase(name);
      } else {
        entities_[name] = record;
      }
    }
    return {};
  }
  Result<std::vector<StoredEntity>> entities_after(std::string_view type, std::string_view id,
                                                   std::size_t limit) override {
    std::vector<StoredEntity> found;
    auto at = entities_.upper_bound({std::string(type), std::string(id)});
    if (id.empty()) at = entities_.lower_bound({std::string(type), {}});
    for (; at != entities_.end() && at->first.type == type && found.size() < limit; ++at)
      found.push_back({at->first, at->second});
    return found;
  }

 private:
  std::map<EntityKey, std::string> entities_;
};

}  // namespace writ::facts
