// Names of hosts that routes are for, and what of a request's Host (RFC 9110 §7.2) is compared with them.
//
// `api.acme.example` is that name alone; `*.acme.example` is one label more, as in certificates (RFC 9525
// §6.3); `**.acme.example` is a suffix: one label more, or several. Letters of either case are the same, the
// port of a request is not looked at, and neither is a dot at its end. A name says which routes are meant. It
// proves nothing of the caller. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::gateway {

// As routes have it, in lower case. Fails with kInvalid.
Result<std::string> host_pattern(std::string_view text);

// The name in a request's Host: `api.acme.example` of `api.acme.example.:8443`, `[::1]` of `[::1]:8080`.
std::string_view host_name(std::string_view host) noexcept;

// `*.acme.example` of `api.acme.example`; empty where there is none.
std::string wildcard_of(std::string_view name);

inline constexpr std::string_view kHostSuffix = "**.";
// `b.acme.example` of `a.b.acme.example`, and so on; empty where there is none.
std::string_view without_label(std::string_view name) noexcept;

}  // namespace writ::gateway
