// Where a request comes from, as the operator's proxies say it: `Forwarded` (RFC 7239) or `X-Forwarded-For`.
//
// Each proxy adds the address it was reached from at the end. So the list is read from the right, and only as
// far as the operator's own proxies go: the first address that is not one of theirs is the caller's, and what
// stands left of it is the caller's own word. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "http/headers.h"
#include "http/source.h"

namespace writ::http {

// Which field the proxies write. A caller may send the other one, and they pass it on.
enum class ForwardedBy : std::uint8_t {
  kEither,  // whichever is there; both have to say the same
  kForwarded,
  kXForwardedFor,
  kNobody,  // they write none (they only balance connections): the proxy is the caller
};

// `peer` is where the connection comes from. An error says, in lower case, why nobody can tell: then the
// request is malformed, since no guess would be a safe one.
std::expected<Address, std::string> client_address(const Headers& headers, const Address& peer,
                                                   const Networks& proxies, ForwardedBy by);

}  // namespace writ::http
