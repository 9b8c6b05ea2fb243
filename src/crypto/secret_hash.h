// Client secrets are stored as scrypt hashes (RFC 7914): memory-hard, salted, with the cost in the text
// itself:
//
//   $scrypt$ln=14,r=8,p=1$<salt, base64url>$<hash, base64url>
//
// Safe from any thread that may wait (base/blocking.h). One computation takes about 16 MiB and tens of
// milliseconds, on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace writ::crypto {

// With a fresh random salt.
Result<std::string> hash_secret(const Secret& secret);

// Compares in constant time. A hash that is malformed, or whose cost is outside what Writ writes, matches
// nothing.
bool verify_secret(std::string_view hash, const Secret& secret);

// Takes as long as verify_secret and answers false: for a client that does not exist, so that time does not
// tell.
bool verify_absent_secret(const Secret& secret);

// Is this the text of a hash that verify_secret understands?
bool valid_secret_hash(std::string_view hash) noexcept;

// How many times this process has computed a hash: what an answer cost, told without a clock.
std::uint64_t secret_hashes_computed() noexcept;

}  // namespace writ::crypto
