#include "cedar/ext_ip.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "base/characters.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kLongestText = 43;  // eight full groups and `/128`
constexpr std::uint8_t kBitsV4 = 32;
constexpr std::uint8_t kBitsV6 = 128;

// Takes up to `most` decimal digits, without leading zeros, off the front.
std::optional<unsigned> take_decimal(std::string_view& text, std::size_t most) noexcept {
  std::size_t count = 0;
  unsigned number = 0;
  while (count < text.size() && is_digit(text[count])) {
    if (++count > most) return std::nullopt;
    number = number * 10 + static_cast<unsigned>(text[count - 1] - '0');
  }
  if (count == 0 || (count > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(count);
  return number;
}

std::optional<std::uint32_t> parse_v4(std::string_view text) noexcept {
  std::uint32_t address = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    const auto number = take_decimal(text, 3);
    if (!number || *number > 255) return std::nullopt;
    address = address << 8 | *number;
  }
  if (!text.empty()) return std::nullopt;
  return address;
}

// Takes up to `most` groups of one to four hexadecimal digits, separated by single colons, off the front.
std::size_t take_groups(std::string_view& text, std::uint16_t* groups, std::size_t most) noexcept {
  for (std::size_t i = 0; i < most; ++i) {
    std::string_view rest = text;
    if (i > 0) {
      if (!rest.starts_with(':')) return i;
      rest.remove_prefix(1);
    }
    unsigned group = 0;
    std::size_t digits = 0;
    for (; digits < rest.size(); ++digits) {
      const int digit = hex_value(rest[digits]);
      if (digit < 0) break;
      if (digits == 4) return i;
      group = group << 4 | static_cast<unsigned>(digit);
    }
    if (digits == 0) return i;
    rest.remove_prefix(digits);
    groups[i] = static_cast<std::uint16_t>(group);
    text = rest;
  }
  return most;
}

std::optional<Ip> parse_v6(std::string_view text) noexcept {
  std::array<std::uint16_t, 8> groups{};
  const std::size_t head = take_groups(text, groups.data(), 8);
  if (head < 8) {
    // `::` stands for at least one group of zeros.
    if (!text.starts_with("::")) return std::nullopt;
    text.remove_prefix(2);
    std::array<std::uint16_t, 8> tail_groups{};
    const std::size_t tail = take_groups(text, tail_groups.data(), 7 - head);
    std::copy_n(tail_groups.begin(), tail, groups.end() - static_cast<std::ptrdiff_t>(tail));
  }
  if (!text.empty()) return std::nullopt;
  Ip ip{0, 0, kBitsV6, true};
  for (int i = 0; i < 4; ++i) {
    ip.high = ip.high << 16 | groups[static_cast<std::size_t>(i)];
    ip.low = ip.low << 16 | groups[static_cast<std::size_t>(i) + 4];
  }
  return ip;
}

std::optional<std::uint8_t> parse_prefix(std::string_view text, std::uint8_t bits) noexcept {
  const auto number = take_decimal(text, bits == kBitsV4 ? 2 : 3);
  if (!number || *number > bits || !text.empty()) return std::nullopt;
  return static_cast<std::uint8_t>(*number);
}

using Wide = unsigned __int128;

// The first and the last address of the range.
std::pair<Wide, Wide> bounds(const Ip& ip) noexcept {
  const Wide all = ip.v6 ? ~Wide{0} : Wide{0xffffffff};
  const Wide host = ip.prefix == 0 ? all : (all >> (ip.prefix - 1)) >> 1;
  const Wide address = (Wide{ip.high} << 64) | ip.low;
  return {address & (all ^ host), address | host};
}

}  // namespace

std::optional<Ip> Ip::parse(std::string_view text) noexcept {
  if (text.size() > kLongestText) return std::nullopt;
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  std::optional<Ip> ip;
  if (const auto v4_address = parse_v4(address)) {
    ip = Ip::v4(*v4_address);
  } else {
    ip = parse_v6(address);
  }
  if (ip && slash != std::string_view::npos) {
    const auto prefix = parse_prefix(text.substr(slash + 1), ip->v6 ? kBitsV6 : kBitsV4);
    if (!prefix) return std::nullopt;
    ip->prefix = *prefix;
  }
  return ip;
}

bool Ip::is_loopback() const noexcept {
  if (v6) return high == 0 && low == 1 && prefix == kBitsV6;
  return low >> 24 == 127 && prefix >= 8;
}

bool Ip::is_multicast() const noexcept {
  if (v6) return high >> 56 == 0xff && prefix >= 8;
  return low >> 28 == 0xe && prefix >= 4;
}

bool Ip::is_in_range(const Ip& range) const noexcept {
  if (v6 != range.v6) return false;
  const auto [first, last] = bounds(*this);
  const auto [range_first, range_last] = bounds(range);
  return range_first <= first && last <= range_last;
}

std::string Ip::to_string() const {
  if (!v6) {
    return fmt::format("{}.{}.{}.{}/{}", low >> 24 & 255, low >> 16 & 255, low >> 8 & 255, low & 255, prefix);
  }
  std::array<unsigned, 8> groups{};
  for (unsigned i = 0; i < 4; ++i) {
    groups[i] = high >> (48 - 16 * i) & 0xffff;
    groups[i + 4] = low >> (48 - 16 * i) & 0xffff;
  }
  // RFC 5952 §4.2: `::` for the first of the longest runs of two or more zero groups.
  std::size_t run_start = 8;
  std::size_t run_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > run_length) {
      run_start = i;
      run_length = length;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == run_start) {
      out.append("::");
      i += run_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out.push_back(':');
    fmt::format_to(std::back_inserter(out), "{:x}", groups[i]);
  }
  return fmt::format("{}/{}", out, prefix);
}

}  // namespace writ::cedar
