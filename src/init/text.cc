#include "init/text.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/symbols.h"
#include "codec/json.h"
#include "files/yaml.h"

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
    return files::with_yaml_escapes(out);
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
