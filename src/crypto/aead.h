// Authenticated encryption for what is kept: AES-256-GCM (NIST SP 800-38D), with a random nonce of 96 bits.
//
// A key may seal some four billion texts (§8.3); Writ seals a few for each rotation. Safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace writ::crypto {

inline constexpr std::size_t kAeadKeyBytes = 32;

// The nonce, what is sealed, and the tag of 16 bytes. `associated` is not in it, and has to be the same when
// it is opened. Fails for a key of another size.
Result<std::string> seal(const Secret& key, std::string_view associated, std::string_view text);

// kCorrupt for what was not sealed with this key and these associated bytes, or was changed since.
Result<Secret> unseal(const Secret& key, std::string_view associated, std::string_view sealed);

}  // namespace writ::crypto
