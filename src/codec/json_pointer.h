// JSON Pointer (RFC 6901): one value inside a JSON text. Pure.
#pragma once

#include <string_view>

#include "codec/json.h"

namespace writ::codec {

// Whether it is a pointer to something inside: `/amount`, `/lines/0/net`; not the empty one, the whole text.
bool is_json_pointer(std::string_view pointer) noexcept;

// Null when there is nothing.
const Json* at_pointer(const Json& json, std::string_view pointer);

// A number as it is written, digit by digit; a Json holds one with a fraction as the nearest double. The text
// is one that parse_json() takes. Fails with kInvalid when no number is found there.
Result<std::string> number_text(std::string_view text, std::string_view pointer);

}  // namespace writ::codec
