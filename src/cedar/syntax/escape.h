// The escapes of Cedar's string literals: \n \r \t \\ \0 \' \" \x7f \u{1F600}, and in patterns also \*.
// Private to the cedar module.
//
// Pure. A bare carriage return is refused, as is every other escape.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/ast.h"

namespace writ::cedar {

// What is wrong, and where in the text that was given.
struct EscapeError {
  Span span;
  std::string message;
};

// The content of a literal, without its quotes.
std::expected<std::string, EscapeError> unescape_string(std::string_view text);
// A `like` pattern: the pieces between the stars that are not escaped.
std::expected<std::vector<std::string>, EscapeError> unescape_pattern(std::string_view text);

}  // namespace writ::cedar
