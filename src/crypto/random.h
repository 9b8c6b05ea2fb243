// Random bytes from the library's generator, seeded by the operating system. Safe from any thread.
//
// A generator that fails stops Writ: there is no safe answer to "no randomness".
#pragma once

#include <cstddef>
#include <string>

namespace writ::crypto {

std::string random_bytes(std::size_t count);

// 128 random bits as 22 characters of base64url: identifiers nobody can guess (jti, task ids).
std::string random_id();

}  // namespace writ::crypto
