#include "codec/name.h"

#include "codec/utf8.h"

namespace writ::codec {
namespace {

bool has_any_control(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    // U+0080 to U+009F.
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> name_problem(std::string_view text) noexcept {
  if (text.empty()) return "is empty";
  if (text.size() > kMaxNameBytes) return "is longer than 512 bytes";
  if (!valid_utf8(text)) return "is not UTF-8";
  if (has_any_control(text)) return "holds a control character";
  return std::nullopt;
}

}  // namespace writ::codec
