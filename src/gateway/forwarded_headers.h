// Which header fields pass the gateway, in each direction.
//
// An upstream behind Writ believes what Writ says about the caller, so nothing a caller sends may look as if
// Writ, or some other proxy, had said it. A field is dropped when its name, in lower case and with every sign
// but letters and digits read as `-` (CGI makes them all `_`), is one of kDroppedNames or begins with one of
// kDroppedPrefixes; when it is hop-by-hop (RFC 9110 §7.6.1); or when Connection lists it. Fields that make an
// upstream see another method or path than the one decided on are dropped for the same reason.
// docs/gateway.md lists them all. Pure.
#pragma once

#include <string_view>

#include "http/headers.h"
#include "http/request.h"

namespace writ::gateway {

// Must the field of this name never reach an upstream from a caller?
bool is_identity_header(std::string_view name) noexcept;

// RFC 9110 §7.6.1, and the framing fields which each side of the gateway makes for itself.
bool is_hop_by_hop(std::string_view name) noexcept;

// What the request's fields become. Adds X-Forwarded-For (the peer alone), -Host and -Proto.
http::Headers upstream_headers(const http::Request& request, std::string_view proto);
// What the answer's fields become.
http::Headers answer_headers(const http::Headers& headers, std::string_view request_id);

}  // namespace writ::gateway
