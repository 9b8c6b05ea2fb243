// Public keys that the configuration names by file: identity providers' and clients'. Used while reading it.
#pragma once

#include <optional>

#include "jose/jwk.h"
#include "server/fields.h"

namespace writ::server {

// Reports a file that cannot be read, is no JWK set, or holds no key that Writ can use.
std::optional<jose::JwkSet> read_jwks(const YamlNode& file, Source& source);

}  // namespace writ::server
