// The PROXY protocol, version 2: how a balancer of connections says where each comes from
// (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt §2.2). Version 1 is text, and is not taken.
// Pure; internal to http.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "http/source.h"

namespace writ::http {

inline constexpr std::size_t kProxyPrefixBytes = 16;  // what tells how long the header is
inline constexpr std::size_t kMaxProxyBytes = 4096;   // of all of it: addresses, and extensions

struct ProxyHeader {
  // Nothing: the proxy speaks for itself (a health check), or of what has no IP address.
  std::optional<Address> source;
};

// How many bytes the header has, by its first kProxyPrefixBytes; an error says why it is none.
std::expected<std::size_t, std::string_view> proxy_header_size(std::string_view prefix);
// Of exactly that many bytes.
std::expected<ProxyHeader, std::string_view> parse_proxy_header(std::string_view header);

}  // namespace writ::http
