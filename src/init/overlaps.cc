#include "init/overlaps.h"

#include <algorithm>

namespace writ::init {
namespace {

// What the gateway's routes refuse (http/path_trie.h): some requests match both, and neither is more
// specific.
bool overlap(const SegmentedPath& a, const SegmentedPath& b) {
  if (a.segments.size() != b.segments.size()) return false;
  bool a_is_wider = false, b_is_wider = false;
  // An empty segment, a slash at the end, is no parameter's value.
  const auto takes = [](const PathSegment& parameter, const std::string& text) {
    return text.size() > parameter.begin.size() + parameter.end.size() && text.starts_with(parameter.begin) &&
           text.ends_with(parameter.end);
  };
  for (std::size_t i = 0; i < a.segments.size(); ++i) {
    const auto &one = a.segments[i], &other = b.segments[i];
    if (one.is_parameter && other.is_parameter) {
      if (!one.begin.starts_with(other.begin) && !other.begin.starts_with(one.begin)) return false;
      if (!one.end.ends_with(other.end) && !other.end.ends_with(one.end)) return false;
      const auto is_wider = [](const PathSegment& x, const PathSegment& y) {
        return x.begin.size() < y.begin.size() || x.end.size() < y.end.size();
      };
      a_is_wider = a_is_wider || is_wider(one, other);
      b_is_wider = b_is_wider || is_wider(other, one);
    } else if (one.is_parameter) {
      if (!takes(one, other.text)) return false;
      a_is_wider = true;
    } else if (other.is_parameter) {
      if (!takes(other, one.text)) return false;
      b_is_wider = true;
    } else if (one.text != other.text) {
      return false;
    }
  }
  return a_is_wider && b_is_wider;
}

}  // namespace

std::vector<std::size_t> resolve_overlaps(const std::vector<WeighedPath>& paths) {
  std::vector<std::size_t> fate(paths.size(), kStays);
  if (paths.size() > kMaxCompared) return fate;
  std::vector<std::vector<std::size_t>> beside(paths.size());
  for (std::size_t a = 0; a < paths.size(); ++a)
    for (std::size_t b = a + 1; b < paths.size(); ++b)
      if (overlap(*paths[a].path, *paths[b].path)) {
        beside[a].push_back(b);
        beside[b].push_back(a);
      }
  std::vector<bool> gone(paths.size());
  // What stays if this one goes, less what goes with it; 0: it is in nobody's way.
  const auto gain = [&](std::size_t i) {
    std::size_t others = 0;
    for (const auto other : beside[i]) others += gone[other] ? 0 : paths[other].operations;
    return gone[i] || others == 0 ? 0.0
                                  : static_cast<double>(others) / static_cast<double>(paths[i].operations);
  };
  std::vector<double> gains(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) gains[i] = gain(i);
  // Of equals the last: what was written first stays.
  for (;;) {
    std::size_t worst = 0;
    for (std::size_t i = 0; i < paths.size(); ++i)
      if (gains[i] >= gains[worst]) worst = i;
    if (paths.empty() || gains[worst] == 0) break;
    gone[worst] = true;
    gains[worst] = 0;
    for (const auto other : beside[worst]) gains[other] = gain(other);
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!gone[i]) continue;
    const auto stays = std::ranges::find_if(beside[i], [&](std::size_t other) { return !gone[other]; });
    fate[i] = stays != beside[i].end() ? *stays : kStays;
  }
  return fate;
}

}  // namespace writ::init
