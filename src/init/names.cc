#include "init/names.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/characters.h"
#include "codec/ascii.h"

namespace writ::init {
namespace {

constexpr std::size_t kMaxWordBytes = 64;

bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}
char upper(char c) noexcept {
  return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
}

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// What no ending tells: of two words in a row the first is many of the second. One that is its own is no
// plural.
constexpr std::pair<std::string_view, std::string_view> kOddWords[] = {
    {"alias", "alias"},     {"aliases", "alias"},   {"analyses", "analysis"}, {"atlas", "atlas"},
    {"aws", "aws"},         {"axes", "axis"},       {"caches", "cache"},      {"canvas", "canvas"},
    {"canvases", "canvas"}, {"children", "child"},  {"cookies", "cookie"},    {"dns", "dns"},
    {"gps", "gps"},         {"https", "https"},     {"indices", "index"},     {"kubernetes", "kubernetes"},
    {"lens", "lens"},       {"lenses", "lens"},     {"matrices", "matrix"},   {"mms", "mms"},
    {"movies", "movie"},    {"news", "news"},       {"people", "person"},     {"quizzes", "quiz"},
    {"rss", "rss"},         {"series", "series"},   {"sms", "sms"},           {"species", "species"},
    {"tls", "tls"},         {"vertices", "vertex"},
};

// Where the last of "line_items", "lineItems", "line-items" begins.
std::size_t last_word(std::string_view text) noexcept {
  for (std::size_t at = text.size(); at > 0; --at) {
    if (!is_letter(text[at - 1])) return at;
    if (is_upper(text[at - 1])) return at - 1;
  }
  return 0;
}

bool is_vowel(char c) noexcept {
  return std::string_view("aeiou").find(c) != std::string_view::npos;
}

}  // namespace

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') continue;  // "Jane's"
    if (is_letter(c) || is_digit(c)) {
      out += codec::lowered(c);
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() == kMaxWordBytes) break;
  }
  while (out.ends_with('-')) out.pop_back();
  return out;
}

std::string pascal(std::string_view text) {
  if (!is_ascii(text)) return {};
  std::string out;
  bool begins = true;
  for (const char c : text) {
    if (!is_letter(c) && !is_digit(c)) {
      begins = true;
      continue;
    }
    // A name begins with a letter.
    if (out.empty() && is_digit(c)) out += 'N';
    out += begins ? upper(c) : c;
    begins = false;
    if (out.size() == kMaxWordBytes) break;
  }
  return std::ranges::any_of(out, is_lower) || std::ranges::any_of(out, is_upper) ? out : std::string();
}

std::string camel(std::string_view text) {
  auto out = pascal(text);
  if (!out.empty()) out.front() = codec::lowered(out.front());
  return out;
}

std::string singular(std::string_view word) {
  const auto at = last_word(word);
  const auto last = codec::lowered(word.substr(at));
  for (const auto& [many, one] : kOddWords)
    if (last == many)
      return many == one ? std::string(word) : fmt::format("{}{}", word.substr(0, at + 1), one.substr(1));
  const auto ends = [&](std::string_view end) { return word.size() > end.size() + 1 && word.ends_with(end); };
  if (word.size() < 3) return std::string(word);
  if (ends("ies")) return std::string(word.substr(0, word.size() - 3)) + "y";
  for (const auto* end : {"sses", "shes", "ches", "xes", "zzes"})
    if (ends(end)) return std::string(word.substr(0, word.size() - 2));
  // "statuses", and not "warehouses" or "causes".
  if (ends("uses") && !is_vowel(word[word.size() - 5])) return std::string(word.substr(0, word.size() - 2));
  if (ends("ss") || ends("us") || ends("is") || !ends("s")) return std::string(word);
  return std::string(word.substr(0, word.size() - 1));
}

std::string named_by(std::string_view parameter) {
  for (const std::string_view end : {"_id", "-id", "Id", "ID", "_uuid", "Uuid", "UUID", "_number", "Number",
                                     "_name", "Name", "_slug", "Slug", "_key", "Key", "_code", "Code"})
    if (parameter.size() > end.size() && parameter.ends_with(end))
      return std::string(parameter.substr(0, parameter.size() - end.size()));
  for (const std::string_view word : {"id", "uuid", "key", "name", "slug"})
    if (parameter == word) return {};
  return std::string(parameter);
}

bool is_action_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("_-./:").find(c) != std::string_view::npos;
  });
}

std::string parameter_name(std::string_view text, const std::vector<std::string>& taken) {
  std::string name;
  for (const char c : text) {
    const bool fits = is_letter(c) || is_digit(c) || c == '_';
    // Letters of other scripts are several bytes, and one sign here.
    if (!fits && !name.empty() && name.back() == '_') continue;
    name += fits ? c : '_';
    if (name.size() == kMaxWordBytes - 4) break;
  }
  if (std::ranges::none_of(name, is_letter)) name = "value";
  if (is_digit(name.front())) name.insert(0, "p");
  auto made = name;
  for (int number = 2; std::ranges::find(taken, made) != taken.end(); ++number)
    made = fmt::format("{}{}", name, number);
  return made;
}

bool is_of_version(std::string_view segment) noexcept {
  if (segment == "api" || segment == "rest" || segment == "services") return true;
  const bool v = segment.size() > 1 && (segment[0] == 'v' || segment[0] == 'V') && is_digit(segment[1]);
  return v || (!segment.empty() &&
               std::ranges::all_of(segment, [](char c) { return is_digit(c) || c == '.' || c == '-'; }));
}

}  // namespace writ::init
