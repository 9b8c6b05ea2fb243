// AddressRules: which addresses Writ connects to for a URL that somebody else may have named, or whose name
// somebody else may resolve (a provider's keys, and what its discovery document points at).
//
// Public addresses, and networks that the operator named; nothing inside otherwise: no loopback, private,
// shared (RFC 6598), link-local, multicast or reserved address, no metadata service, and none of the forms in
// which an IPv6 address carries an IPv4 one. The connection is made to the very address that was checked.
// Plain `http://` goes to loopback addresses only, or to networks that the operator named for it. Plain
// values; thread-safe once made.
#pragma once

#include <optional>
#include <string>

#include "http/source.h"

namespace writ::http {

struct AddressRules {
  Networks allowed = {};        // beside the public ones: `outbound.allow`
  Networks allowed_plain = {};  // where `http://` may be used: `outbound.allow_http`

  // Why there is no connection to this address; nothing when there may be one. `secure`: it is for https.
  std::optional<std::string> refusal(const Address& address, bool secure) const;
};

}  // namespace writ::http
