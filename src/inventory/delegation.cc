#include "inventory/delegation.h"

#include <unordered_set>

namespace writ::inventory {

std::vector<std::string> delegation_circle(std::string_view id, const EdgesOf& acts_for) {
  struct Step {
    std::string_view id;
    std::size_t next = 0;
  };
  std::vector<Step> path{{id}};
  std::unordered_set<std::string_view> seen{id};
  while (!path.empty()) {
    Step& at = path.back();
    const auto& edges = acts_for(at.id);
    if (at.next == edges.size()) {
      path.pop_back();
      continue;
    }
    const std::string_view to = edges[at.next++];
    if (to == id) {
      std::vector<std::string> circle;
      for (const Step& step : path) circle.emplace_back(step.id);
      circle.emplace_back(id);
      return circle;
    }
    if (seen.insert(to).second) path.push_back({to});
  }
  return {};
}

}  // namespace writ::inventory
