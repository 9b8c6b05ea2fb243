#include "init/text.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "cedar/symbols.h"
#include "codec/json.h"

namespace writ::init {
namespace {

// Words that no reader of YAML, of 1.1 either, takes for something else than text.
bool is_plain_word(std::string_view text) {
  static constexpr std::string_view kOthers[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !is_letter(text.front())) return false;
  std::string lower;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool colon =
        c == ':' && i + 1 < text.size() && (text[i + 1] == '/' || (text[i + 1] >= '0' && text[i + 1] <= '9'));
    if (!is_letter(c) && !(c >= '0' && c <= '9') &&
        std::string_view("_-./").find(c) == std::string_view::npos && !colon)
      return false;
    lower += is_letter(c) ? static_cast<char>(c | 0x20) : c;
  }
  return std::ranges::find(kOthers, lower) == std::end(kOthers);
}

// JSON has them as they are, and YAML does not: controls, and what ends a line for some of its readers.
std::string with_escapes(std::string_view json) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEscapes{{
      {"\x7f", "\\u007f"},
      {"\u2028", "\\u2028"},
      {"\u2029", "\\u2029"},
      {"\ufeff", "\\ufeff"},
      {"\xef\xbf\xbe", "\\ufffe"},
      {"\xef\xbf\xbf", "\\uffff"},
  }};
  std::string out;
  while (!json.empty()) {
    const auto* found =
        std::ranges::find_if(kEscapes, [&](const auto& escape) { return json.starts_with(escape.first); });
    if (found != kEscapes.end()) {
      out += found->second;
      json.remove_prefix(found->first.size());
    } else if (json.size() > 1 && json[0] == '\xc2' && static_cast<unsigned char>(json[1]) < 0xa0) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(json[1]));
      json.remove_prefix(2);
    } else {
      out += json.front();
      json.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

// YAML 1.2 §7.3.1, §7.3.2: single quotes for what has only visible ASCII, so that Cedar inside stays
// readable; else a JSON string, which YAML reads alike.
std::string yaml(std::string_view text) {
  if (is_plain_word(text)) return std::string(text);
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
  const bool quotes = text.find('"') != text.npos || text.find('\\') != text.npos;
  std::string out;
  if (!plain || !quotes) {
    codec::append_json_string(out, text);
    return with_escapes(out);
  }
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return "'" + out + "'";
}

std::string shell(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + out + "'";
}

std::string cedar_text(std::string_view text) {
  std::string out;
  cedar::append_escaped(out, text);
  return "\"" + out + "\"";
}

std::string cedar_entity(std::string_view type, std::string_view id) {
  std::string out;
  cedar::append_entity(out, type, id);
  return out;
}

}  // namespace writ::init
