// JWTs that the command line signs: client assertions, and tokens of the example's identity provider.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "jose/jwk.h"

namespace writ::cli {

inline constexpr std::size_t kMaxKeyFileBytes = 64 * 1024;

// A private JWK from a file.
Result<jose::PrivateJwk> read_private_key(const std::string& file);

// RFC 7523 §3: the client says who it is, to one audience, once, for a minute.
Result<std::string> client_assertion(const jose::PrivateJwk& key, std::string_view client,
                                     std::string_view audience);

// Adds `iat`, `exp` and `jti` where they are not given.
Result<std::string> sign_claims(const jose::PrivateJwk& key, codec::Json claims,
                                std::int64_t lifetime_seconds, std::string_view typ);

}  // namespace writ::cli
