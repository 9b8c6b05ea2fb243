// The search for values by which policies come to wanted outcomes. Private to the cedar module; cedar/open.h
// is what others use.
//
// From the outside in: a conjunction that shall hold has each part hold; a comparison that shall hold has its
// first unknown take one value after another, from the constants that stand beside it. What is tried is
// bounded, so that nothing found says nothing.
#pragma once

#include "cedar/authorize/open_state.h"

namespace writ::cedar {

class OpenEvaluator::Search {
 public:
  Search(State& state, std::span<const OpenGoal> goals, std::span<const EntityRef> parties,
         const Visit& visit, const OpenLimits& limits)
      : state_(state), goals_(goals), parties_(parties), visit_(visit), limits_(limits) {}

  bool run() { return reach(0); }

 private:
  using Next = std::function<bool()>;

  bool reach(std::size_t goal);
  bool avoid(std::size_t goal, std::size_t forbid);
  bool offer();
  bool satisfy(EntityRef who, NodeIndex at, bool wanted, const Next& next);
  bool all(EntityRef who, std::span<const NodeIndex> operands, bool wanted, const Next& next);
  bool leaf(EntityRef who, NodeIndex at, bool wanted, const Next& next);
  bool presence(EntityRef who, NodeIndex at, bool wanted, const Next& next, PlaceIndex place, Presence as);
  PlaceIndex open_path(NodeIndex at);
  PlaceIndex first_open(NodeIndex at);
  std::vector<Value> candidates(PlaceIndex place, NodeIndex at);
  void collect(NodeIndex at, std::vector<Value>& found);
  bool fits(PlaceIndex place, Value value) const;
  bool exhausted() const { return steps_ > limits_.steps || visits_ >= limits_.visits; }

  State& state_;
  std::span<const OpenGoal> goals_;
  std::span<const EntityRef> parties_;
  const Visit& visit_;
  const OpenLimits& limits_;
  std::size_t steps_ = 0;
  std::size_t visits_ = 0;
};

}  // namespace writ::cedar
