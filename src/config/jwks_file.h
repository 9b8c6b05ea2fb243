// Public keys that the configuration names by file: identity providers' and clients'. Used while reading it.
#pragma once

#include <optional>

#include "files/fields.h"
#include "jose/jwk.h"

namespace writ::config {

// Reports a file that cannot be read, is no JWK set, or holds no key that Writ can use.
std::optional<jose::JwkSet> read_jwks(const files::YamlNode& file, files::Source& source);

}  // namespace writ::config
