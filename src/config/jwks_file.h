// Public keys that the configuration names by file: identity providers' and clients'. Used while reading it.
#pragma once

#include <optional>

#include "files/fields.h"
#include "jose/jwk.h"

namespace writ::config {

// A client's. Reports a file that cannot be read, is not a JWK set, or holds no key that Writ can use.
std::optional<jose::JwkSet> read_jwks(const files::YamlNode& file, files::Source& source);
// A provider's. Warns of each key that is left out, by its kid.
std::optional<jose::JwkSet> read_provider_jwks(const files::YamlNode& file, const jose::KeyRules& rules,
                                               files::Source& source);

}  // namespace writ::config
