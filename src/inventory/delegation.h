// The edges of delegation as a whole: who acts for whom, over all identities.
//
// Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace writ::inventory {

// Whom an identity acts for; empty for one that is not known. The reference outlives the search.
using EdgesOf = std::function<const std::vector<std::string>&(std::string_view id)>;

// The way by which work could come back to this identity, from it to itself: {"a", "b", "a"}. Empty when
// there is none. A chain that comes back grows each time round, and nobody can say any more for whom its last
// one acts.
std::vector<std::string> delegation_circle(std::string_view id, const EdgesOf& acts_for);

}  // namespace writ::inventory
