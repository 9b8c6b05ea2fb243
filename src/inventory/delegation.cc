#include "inventory/delegation.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace writ::inventory {
namespace {

struct Step {
  std::string_view id;
  std::size_t next = 0;  // of its edges
};

}  // namespace

// Tarjan's strongly connected components, without recursion: a chain may be as long as the inventory.
class DelegationCircles::Walk {
 public:
  explicit Walk(DelegationCircles& circles) : circles_(circles) {}

  void from(std::string_view root) {
    if (met_.contains(root)) return;
    open(root);
    while (!path_.empty()) {
      Step& at = path_.back();
      const auto& edges = circles_.acts_for_(at.id);
      if (at.next < edges.size()) {
        follow(at.id, edges[at.next++]);
        continue;
      }
      const auto done = at.id;
      path_.pop_back();
      const Met met = met_[done];
      if (met.lowest == met.number) close(done);
      if (!path_.empty()) reach(path_.back().id, met.lowest);
    }
  }

 private:
  struct Met {
    std::size_t number;  // in the order of meeting
    std::size_t lowest;  // that it reaches among those whose group is not known yet
  };

  void open(std::string_view id) {
    const auto number = met_.size();
    met_.emplace(id, Met{number, number});
    ungrouped_.push_back(id);
    path_.push_back({id});
  }

  void follow(std::string_view from, std::string_view to) {
    const auto met = met_.find(to);
    if (met == met_.end()) return open(to);
    if (!circles_.groups_.contains(to)) reach(from, met->second.number);
  }

  void reach(std::string_view from, std::size_t number) {
    auto& lowest = met_[from].lowest;
    lowest = std::min(lowest, number);
  }

  // All that were met since then and have no group belong together.
  void close(std::string_view first) {
    const auto group = met_[first].number;
    std::string_view id;
    do {
      id = ungrouped_.back();
      ungrouped_.pop_back();
      circles_.groups_.emplace(id, group);
    } while (id != first);
  }

  DelegationCircles& circles_;
  std::unordered_map<std::string_view, Met> met_;
  std::vector<std::string_view> ungrouped_;
  std::vector<Step> path_;
};

DelegationCircles::DelegationCircles(std::span<const std::string_view> ids, EdgesOf acts_for)
    : acts_for_(std::move(acts_for)) {
  Walk walk(*this);
  for (const auto id : ids) walk.from(id);
}

std::vector<std::string> DelegationCircles::through(std::string_view id) const {
  const auto group = groups_.at(id);
  std::vector<Step> path{{id}};
  std::unordered_set<std::string_view> seen{id};
  while (!path.empty()) {
    Step& at = path.back();
    const auto& edges = acts_for_(at.id);
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
    if (groups_.at(to) == group && seen.insert(to).second) path.push_back({to});
  }
  return {};
}

}  // namespace writ::inventory
