// base64url without padding (RFC 4648 §5, as RFC 7515 §2 uses it), one spelling for each byte string.
//
// Decoding refuses padding, white space, the standard alphabet's `+` and `/`, impossible lengths, and bits
// that no byte uses: two different texts never decode to the same bytes, so a token has one form only. Pure
// functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::codec {

std::string base64url_encode(std::string_view bytes);
Result<std::string> base64url_decode(std::string_view text);

// Standard base64 with padding (RFC 4648 §4), as the Basic scheme uses it; as strict.
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);

}  // namespace writ::codec
