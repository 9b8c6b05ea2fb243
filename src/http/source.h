// Where a connection comes from, as limits count it, and which addresses are the operator's own proxies.
//
// A source is one IPv4 address, or the /64 of an IPv6 address, since whoever has one address of a /64 has all
// of them. `::ffff:192.0.2.1` is 192.0.2.1 everywhere. Plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::http {

// Sixteen bytes; an IPv4 address as ::ffff:a.b.c.d.
struct Address {
  std::array<std::uint8_t, 16> bytes;

  // "192.0.2.1", "2001:db8::1", "fe80::1%eth0".
  static std::optional<Address> parse(std::string_view text);
  bool is_v4() const noexcept;
  bool is_loopback() const noexcept;
  std::string text() const;  // of an IPv4 address always "192.0.2.1"

  bool operator==(const Address&) const = default;
};

struct Source {
  // The first 64 bits of the address. IPv4 is 0:ffff:a.b.c.d, in a block that is nobody's.
  std::uint64_t number = 0;

  static Source of(const Address& address) noexcept;
  // Those without an address that can be read are one source.
  static Source of(const std::optional<Address>& address) noexcept {
    return address ? of(*address) : Source{};
  }
  auto operator<=>(const Source&) const = default;
};

// Addresses and blocks of them: "10.0.0.0/8", "2001:db8::/32", "192.0.2.1".
class Networks {
 public:
  Networks() = default;
  // Refuses what is no address or block, and a block with bits below its prefix.
  Result<void> add(std::string_view text);
  bool contains(const Address& address) const noexcept;
  bool empty() const noexcept { return blocks_.empty(); }

 private:
  struct Block {
    Address address;
    unsigned prefix;
  };
  std::vector<Block> blocks_;
};

}  // namespace writ::http

template <>
struct std::hash<writ::http::Source> {
  std::size_t operator()(writ::http::Source source) const noexcept {
    return std::hash<std::uint64_t>()(source.number);
  }
};
