// NameFilter: whether a name may be among those that were added. Most that are not are told apart without
// looking at the others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace writ {

class NameFilter {
 public:
  void add(std::string_view name) noexcept { bits_[place_of(name) / 64] |= bit_of(name); }
  // False: it was not added.
  bool may_have(std::string_view name) const noexcept {
    return (bits_[place_of(name) / 64] & bit_of(name)) != 0;
  }

 private:
  static std::size_t place_of(std::string_view name) noexcept {
    if (name.empty()) return 0;
    const auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(name[at])}; };
    return (name.size() * 61 + byte(0) * 31 + byte(name.size() / 2) * 13 + byte(name.size() - 1) * 7) % 512;
  }
  static std::uint64_t bit_of(std::string_view name) noexcept {
    return std::uint64_t{1} << (place_of(name) % 64);
  }

  std::array<std::uint64_t, 8> bits_{};
};

}  // namespace writ
