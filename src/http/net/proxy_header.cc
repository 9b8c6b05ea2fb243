#include "http/net/proxy_header.h"

#include <algorithm>
#include <cstdint>

namespace writ::http {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kV4Bytes = 12, kV6Bytes = 36;  // two addresses and two ports

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::size_t two_bytes_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// §2.2.1: type, length, value, one after the other up to the end.
bool are_extensions(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < 3) return false;
    const std::size_t size = 3 + two_bytes_at(bytes, 1);
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace

std::expected<std::size_t, std::string_view> proxy_header_size(std::string_view prefix) {
  if (prefix.size() != kProxyPrefixBytes || !prefix.starts_with(kSignature))
    return std::unexpected("it does not begin with a PROXY header of version 2"sv);
  if (byte_at(prefix, 12) >> 4 != 2) return std::unexpected("the PROXY header is not of version 2"sv);
  const std::size_t size = kProxyPrefixBytes + two_bytes_at(prefix, 14);
  if (size > kMaxProxyBytes) return std::unexpected("the PROXY header is too long"sv);
  return size;
}

std::expected<ProxyHeader, std::string_view> parse_proxy_header(std::string_view header) {
  const auto size = proxy_header_size(header.substr(0, kProxyPrefixBytes));
  if (!size) return std::unexpected(size.error());
  if (*size != header.size()) return std::unexpected("the PROXY header has another length"sv);
  const unsigned command = byte_at(header, 12) & 15U, family = byte_at(header, 13);
  const auto rest = header.substr(kProxyPrefixBytes);
  if (command == 0) return ProxyHeader{};  // LOCAL: what follows is ignored
  if (command != 1) return std::unexpected("the PROXY header has an unknown command"sv);
  const std::size_t addresses = family == 0x11 ? kV4Bytes : family == 0x21 ? kV6Bytes : 0;
  // UNSPEC and Unix sockets. §2.2: other families are refused, datagrams are not carried here.
  if (addresses == 0) {
    if (family == 0x00 || family == 0x31) return ProxyHeader{};
    return std::unexpected("the PROXY header is not of TCP"sv);
  }
  if (rest.size() < addresses) return std::unexpected("the PROXY header has no room for its addresses"sv);
  if (!are_extensions(rest.substr(addresses)))
    return std::unexpected("the PROXY header has malformed extensions"sv);
  Address source{};
  if (addresses == kV6Bytes) {
    std::copy_n(rest.begin(), 16, source.bytes.begin());
  } else {
    source.bytes[10] = source.bytes[11] = 0xff;
    std::copy_n(rest.begin(), 4, source.bytes.begin() + 12);
  }
  return ProxyHeader{source};
}

}  // namespace writ::http
