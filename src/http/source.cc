#include "http/source.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>

namespace writ::http {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

bool begins_equal(const Address& a, const Address& b, unsigned bits) noexcept {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (a.bytes[whole] & mask) == (b.bytes[whole] & mask);
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  const std::string plain(text.substr(0, text.find('%')));
  Address address{};
  if (::inet_pton(AF_INET6, plain.c_str(), address.bytes.data()) == 1) return address;
  std::ranges::copy(kMapped, address.bytes.begin());
  if (::inet_pton(AF_INET, plain.c_str(), address.bytes.data() + kMapped.size()) == 1) return address;
  return std::nullopt;
}

bool Address::is_v4() const noexcept {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

bool Address::is_loopback() const noexcept {
  if (is_v4()) return bytes[kMapped.size()] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](auto byte) { return byte == 0; }) &&
         bytes.back() == 1;
}

std::string Address::text() const {
  char text[INET6_ADDRSTRLEN];
  is_v4() ? ::inet_ntop(AF_INET, bytes.data() + kMapped.size(), text, sizeof text)
          : ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

Source Source::of(const Address& address) noexcept {
  const auto from = address.is_v4() ? address.bytes.begin() + 8 : address.bytes.begin();
  Source source;
  for (auto byte = from; byte != from + 8; ++byte) source.number = source.number << 8 | *byte;
  return source;
}

Result<void> Networks::add(std::string_view text) {
  const auto invalid = [&](std::string_view why) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is no address or block: {}", text, why));
  };
  const auto slash = std::min(text.find('/'), text.size());
  const auto address = Address::parse(text.substr(0, slash));
  if (!address || text.find('%') != text.npos)
    return invalid("expected 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1");
  const unsigned most = address->is_v4() ? 32 : 128;
  unsigned prefix = most;
  if (slash < text.size()) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), prefix);
    if (error != std::errc() || end != digits.end() || prefix > most)
      return invalid(fmt::format("its prefix has 0 to {} bits", most));
  }
  const Block block{*address, address->is_v4() ? prefix + kMappedBits : prefix};
  for (unsigned bit = block.prefix; bit < 128; ++bit) {
    if ((address->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return invalid("it has bits below its prefix");
  }
  blocks_.push_back(block);
  return {};
}

bool Networks::contains(const Address& address) const noexcept {
  return std::ranges::any_of(
      blocks_, [&](const Block& block) { return begins_equal(block.address, address, block.prefix); });
}

}  // namespace writ::http
