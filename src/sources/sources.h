// Sources: those that are asked for facts, by the type of the resource: one for a type. Thread-safe once
// made.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sources/source.h"

namespace writ::sources {

class Sources {
 public:
  void add(std::unique_ptr<AskedSource> source) {
    by_type_.insert_or_assign(source->settings().reading.type, std::move(source));
  }
  // Null: facts about resources of this type are not asked for.
  AskedSource* of(std::string_view type) const {
    if (by_type_.empty()) return nullptr;
    const auto found = by_type_.find(type);
    return found != by_type_.end() ? found->second.get() : nullptr;
  }
  std::vector<const AskedSource*> all() const {
    std::vector<const AskedSource*> all;
    for (const auto& [type, source] : by_type_) all.push_back(source.get());
    return all;
  }
  void stop() {
    for (const auto& [type, source] : by_type_) source->stop();
  }

 private:
  std::map<std::string, std::unique_ptr<AskedSource>, std::less<>> by_type_;
};

}  // namespace writ::sources
