// The edges of delegation as a whole: who acts for whom, over all identities.
//
// Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace writ::inventory {

// Whom an identity acts for; empty for one that is not known. The reference outlives the search.
using EdgesOf = std::function<const std::vector<std::string>&(std::string_view id)>;

// The paths by which work could come back to an identity. A chain that comes back grows each time round, and
// it is no longer clear for whom its last actor acts.
class DelegationCircles {
 public:
  // Of these identities and whom they may reach: one walk over all the edges. The ids outlive it.
  DelegationCircles(std::span<const std::string_view> ids, EdgesOf acts_for);

  // The way from this identity, one of those, to itself: {"a", "b", "a"}. Empty when there is none. Looks
  // only at those that work could come back to by way of this one.
  std::vector<std::string> through(std::string_view id) const;

 private:
  class Walk;

  EdgesOf acts_for_;
  // By identity: equal for two that work can go between in both directions.
  std::unordered_map<std::string_view, std::size_t> groups_;
};

}  // namespace writ::inventory
