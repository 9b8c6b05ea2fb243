// Random: what the generators of the differential fuzzer draw from. The same seed gives the same cases on
// every machine, so a seed and a number name a case. Not for anything secret.
#pragma once

#include <cstdint>
#include <iterator>

namespace writ::differential {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // splitmix64
  std::uint64_t bits() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15ULL;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
  }
  // Less than `end`, which must not be zero.
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(bits() % end); }
  // Both ends included.
  std::size_t between(std::size_t least, std::size_t most) { return least + below(most - least + 1); }
  bool percent(std::size_t chance) { return below(100) < chance; }
  bool one_in(std::size_t many) { return below(many) == 0; }

  template <class Range>
  const auto& pick(const Range& range) {
    return range[below(std::size(range))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace writ::differential
