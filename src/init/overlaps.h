// Paths that match the same request, with neither more specific: `/guilds/templates/{code}` and
// `/guilds/{guild}/roles` are both `/guilds/templates/roles`. Writ refuses to guess, so of two such paths one
// is not routed (http/path_trie.h). Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "init/paths.h"

namespace writ::init {

// Beyond so many paths, those that come later are left out, whatever is lost by it.
inline constexpr std::size_t kMaxCompared = 5'000;

struct WeighedPath {
  const SegmentedPath* path;
  std::size_t operations;
};
inline constexpr std::size_t kStays = static_cast<std::size_t>(-1);

// For each path kStays, or the number of one that stays and overlaps with it. As few operations as a simple
// rule finds are lost: the path that is most in the way goes first.
std::vector<std::size_t> resolve_overlaps(const std::vector<WeighedPath>& paths);

}  // namespace writ::init
