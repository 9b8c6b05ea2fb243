// Case and blanks of ASCII texts. No locale has a say, and bytes outside ASCII stay as they are.
// Pure; safe from any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace writ::codec {

constexpr char lowered(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

inline std::string lowered(std::string_view text) {
  std::string made(text);
  for (char& c : made) c = lowered(c);
  return made;
}

// Without the blanks before and after. The default is optional whitespace: RFC 9110 §5.6.3.
constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = " \t") noexcept {
  const auto begin = std::min(text.find_first_not_of(blanks), text.size());
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace writ::codec
