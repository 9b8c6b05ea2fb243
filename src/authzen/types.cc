#include "authzen/types.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/entity_json.h"
#include "codec/utf8.h"

namespace writ::authzen {
namespace {

bool stays(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string escaped(std::string_view bytes) {
  std::string out = "_";
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out + '_';
}

}  // namespace

std::string foreign_type(std::string_view name) {
  const auto begin = fmt::format("{}::", kForeign);
  std::string type = begin;
  // Cedar's names do not begin with a digit.
  if (!name.empty() && name[0] >= '0' && name[0] <= '9') type += "_";
  while (!name.empty()) {
    if (stays(name[0])) {
      type += name[0];
      name.remove_prefix(1);
      continue;
    }
    const auto length = std::max<std::size_t>(codec::utf8_sequence_length(name), 1);
    type += escaped(name.substr(0, length));
    name.remove_prefix(length);
  }
  // A word of Cedar's: `in`, `true`.
  if (!cedar::valid_entity_type(type))
    type = begin + escaped(type.substr(begin.size(), 1)) + type.substr(begin.size() + 1);
  return type;
}

bool is_foreign(std::string_view type) noexcept {
  return type == kForeign || (type.starts_with(kForeign) && type.substr(kForeign.size()).starts_with("::"));
}

}  // namespace writ::authzen
