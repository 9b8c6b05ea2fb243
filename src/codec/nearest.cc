#include "codec/nearest.h"

#include <algorithm>
#include <vector>

namespace writ::codec {
namespace {

// How many letters have to be put in, taken out, changed or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
  std::size_t best = std::max<std::size_t>(1, std::min(word.size(), std::size_t{64}) / 3) + 1;
  std::string_view found;
  for (const auto name : names) {
    if (word.size() > name.size() + best || name.size() > word.size() + best) continue;
    const auto far = distance(word, name);
    if (far < best) best = far, found = name;
  }
  return found;
}

}  // namespace writ::codec
