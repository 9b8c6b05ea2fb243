// Sources: those that are asked for facts, by the type of the resource: one for a type. In force with the
// rest of a configuration (enforce/in_force.h): a request keeps the source that it asks, also when another
// one takes its place meanwhile.
//
// Thread-safe once made.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sources/source.h"

namespace writ::sources {

using SourcePtr = std::shared_ptr<AskedSource>;

class Sources {
 public:
  void add(SourcePtr source) {
    by_type_.insert_or_assign(source->settings().reading.type, std::move(source));
  }
  // Null: facts about resources of this type are not asked for.
  SourcePtr of(std::string_view type) const {
    if (by_type_.empty()) return nullptr;
    const auto found = by_type_.find(type);
    return found != by_type_.end() ? found->second : nullptr;
  }
  bool has(const AskedSource& source) const { return of(source.settings().reading.type).get() == &source; }
  std::vector<const AskedSource*> all() const {
    std::vector<const AskedSource*> all;
    for (const auto& [type, source] : by_type_) all.push_back(source.get());
    return all;
  }
  void stop() const {
    for (const auto& [type, source] : by_type_) source->stop();
  }

 private:
  std::map<std::string, SourcePtr, std::less<>> by_type_;
};

// Of those that are in force. Null, also where `sources` is: nobody is asked.
inline SourcePtr source_of(const std::shared_ptr<const Sources>& sources, std::string_view type) {
  return sources != nullptr ? sources->of(type) : nullptr;
}

}  // namespace writ::sources
