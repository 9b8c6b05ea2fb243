// RSA public keys: what they must be like, and their signatures.
//
// Internal to crypto. Thread-safe.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "crypto/algorithm.h"

struct evp_pkey_st;

namespace writ::crypto {

// From the modulus, big-endian without leading zeros, and the exponent in kRsaExponentBytes after it. Refuses
// a modulus that is even, not of 2048 to 8192 bits, or of a generator whose keys can be factored (ROCA,
// CVE-2017-15361), and an exponent that is even or less than 3.
Result<std::shared_ptr<evp_pkey_st>> make_rsa_key(std::string_view raw);

// RFC 7518 §3.3 and §3.5. The signature is as long as the modulus, and the salt as the hash.
bool verify_rsa(evp_pkey_st* key, Algorithm algorithm, std::string_view message, std::string_view signature);

}  // namespace writ::crypto
