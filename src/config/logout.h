// What the configuration says of a provider that tells when sessions are over: `logout` (docs/logout.md).
// Used while reading it.
#pragma once

#include "files/fields.h"
#include "oauth/trusted_issuers.h"

namespace writ::config {

void read_logout(const files::Fields& fields, oauth::TrustedIssuer& issuer);

}  // namespace writ::config
