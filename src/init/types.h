// Names for the types of resources that paths are about. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "init/paths.h"

namespace writ::init {

inline constexpr std::string_view kCollection = "Collection";

class ResourceTypes {
 public:
  // Of every operation its path. Gives every shape of a path up to its last parameter a name of its own: the
  // shorter ones choose first, and of equals the one that more operations have.
  explicit ResourceTypes(const std::vector<SegmentedPath>& paths);

  // Of a path that was among them: "Order", or "Collection".
  const std::string& type_of(const SegmentedPath& path) const;

 private:
  std::string name_for(const SegmentedPath& path, std::size_t count);

  std::map<std::string, std::string, std::less<>> by_shape_;
  std::set<std::string, std::less<>> taken_;
  std::string collection_{kCollection};
};

}  // namespace writ::init
