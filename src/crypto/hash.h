// SHA-256 and HMAC-SHA-256 (FIPS 180-4, FIPS 198-1). Pure functions, safe from any thread.
//
// They cannot fail on any input; a library that cannot compute SHA-256 is a broken installation and stops
// Writ.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace writ::crypto {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// The digest's bytes, for encoders that take text.
inline std::string_view as_bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Lower-case hexadecimal.
std::string hex(const Digest& digest);
void append_hex(std::string& out, const Digest& digest);

}  // namespace writ::crypto
