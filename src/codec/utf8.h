// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace writ::codec {

bool valid_utf8(std::string_view text) noexcept;

// The length, 1 to 4, of the well-formed sequence that text begins with; 0 when it begins with none.
std::size_t utf8_sequence_length(std::string_view text) noexcept;

}  // namespace writ::codec
