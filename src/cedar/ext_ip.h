// ipaddr: an IPv4 or IPv6 address with a prefix length (Cedar extension type `ipaddr`).
//
// Exactly the texts that the reference accepts: dotted IPv4 without leading zeros, IPv6 without embedded IPv4
// and without a zone, each with an optional `/prefix` that has no leading zeros. 43 bytes at most.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace writ::cedar {

struct Ip {
  std::uint64_t high;  // of the 128 bits; zero for IPv4
  std::uint64_t low;
  std::uint8_t prefix;
  bool v6;

  static std::optional<Ip> parse(std::string_view text) noexcept;
  static Ip v4(std::uint32_t address, std::uint8_t prefix = 32) noexcept {
    return {0, address, prefix, false};
  }

  bool is_loopback() const noexcept;
  bool is_multicast() const noexcept;
  bool is_in_range(const Ip& range) const noexcept;

  // Canonical: `10.0.0.1/32`, `ffee::/64`.
  std::string to_string() const;

  friend bool operator==(const Ip&, const Ip&) = default;
};

}  // namespace writ::cedar
