// For sentences: "1 error", "2 errors".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace writ {

// `many`: where it is not `one` with an s: "identities".
inline std::string number_of(std::size_t count, std::string_view one, std::string_view many = {}) {
  std::string text = std::to_string(count) + " ";
  text += count == 1 || many.empty() ? one : many;
  if (count != 1 && many.empty()) text += 's';
  return text;
}

}  // namespace writ
