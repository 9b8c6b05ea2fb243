// What the configuration says of an issuer whose tokens are opaque: `introspection` (docs/providers.md). Used
// while reading it; nobody is asked.
#pragma once

#include "config/config.h"
#include "files/fields.h"
#include "oauth/trusted_issuers.h"

namespace writ::config {

// After `accept`, with the issuers before this one in `config`: of each API's, one at most is asked.
void read_introspection(const files::Fields& fields, const Config& config, oauth::TrustedIssuer& issuer);

}  // namespace writ::config
