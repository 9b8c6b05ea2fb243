#include "cli/visible.h"

#include <fmt/format.h>

#include "codec/utf8.h"

namespace writ::cli {
namespace {

// Of a sequence of one to three bytes; longer ones hide nothing.
unsigned code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(sequence[i]));
  };
  switch (sequence.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3:
      return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    default:
      return 0x10000;
  }
}

bool hides(unsigned point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || (point >= 0x202a && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069);
}

std::string shown(std::string_view text, bool breaks_stay) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto length = codec::utf8_sequence_length(text);
    const auto sequence = text.substr(0, length == 0 ? 1 : length);
    const unsigned point = code_point(sequence);
    const bool is_break = point == '\n' || text.starts_with("\r\n");
    if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (!hides(point) || point == '\t' || (breaks_stay && is_break)) {
      out += sequence;
    } else {
      out += fmt::format("\\u{{{:x}}}", point);
    }
    text.remove_prefix(sequence.size());
  }
  return out;
}

}  // namespace

std::string visible(std::string_view text) {
  return shown(text, true);
}

std::string visible_line(std::string_view text) {
  return shown(text, false);
}

}  // namespace writ::cli
