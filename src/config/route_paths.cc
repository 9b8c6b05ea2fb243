#include "config/route_paths.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <vector>

#include "codec/ascii.h"

namespace writ::config {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_parameter_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && !(text[0] >= '0' && text[0] <= '9') &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::string parameter(std::string_view name) {
  return fmt::format("{{{}}}", is_parameter_name(name) ? name : "name");
}

// What a segment is that reads like a pattern, and how Writ writes it; empty: it has no such thing.
struct Doubt {
  std::string_view what;
  std::string better = {};
};

// Of `{id:int}`, `{id?}`, `{*rest}` the name; of `<int:id>` it is behind the colon.
std::string_view name_in(std::string_view inner, bool behind_colon) {
  inner.remove_prefix(std::min(inner.find_first_not_of('*'), inner.size()));
  if (const auto colon = inner.find(':'); colon != inner.npos)
    inner = behind_colon ? inner.substr(colon + 1) : inner.substr(0, colon);
  return inner.substr(0, inner.find_first_of("?*=."));
}

bool is_like_regex(std::string_view segment) {
  for (const auto* piece : {".*", ".+", "[", "(?", "\\d", "\\w"})
    if (segment.find(piece) != segment.npos) return true;
  return segment.starts_with('^') || (segment.size() > 1 && segment.ends_with('$'));
}

// How others write the rest of the path: `{*path}`, `{path*}`, `{path...}`, `{path+}`, `{file:path}`.
bool is_like_rest(std::string_view inner) {
  for (const std::string_view sign : {"**", "*", "...", "+", ":path"})
    if (inner.ends_with(sign) && is_parameter_name(inner.substr(0, inner.size() - sign.size()))) return true;
  for (const std::string_view sign : {"**", "*", "path:"})
    if (inner.starts_with(sign) && is_parameter_name(inner.substr(sign.size()))) return true;
  return false;
}

// `last`: nothing stands behind it but a slash.
std::optional<Doubt> doubt_of(std::string_view segment, bool last) {
  if (segment == "**") {
    if (last) return std::nullopt;
    return Doubt{"it takes the rest of the path, so nothing but a slash may stand behind it"};
  }
  if (last && segment.size() > 2 && std::string_view("{<").contains(segment.front()) &&
      std::string_view("}>").contains(segment.back()) && is_like_rest(segment.substr(1, segment.size() - 2)))
    return Doubt{"the rest of a path is `**`", "**"};
  if (segment.starts_with('{') && segment.ends_with('}') && segment.size() > 2) {
    const auto inner = segment.substr(1, segment.size() - 2);
    if (is_parameter_name(inner)) return std::nullopt;
    return Doubt{"a parameter has a name alone: letters, digits and `_`", parameter(name_in(inner, false))};
  }
  if (segment == "*") return Doubt{"a `*` stands for itself", "{name}"};
  if (segment.starts_with(':') && is_parameter_name(segment.substr(1)))
    return Doubt{"a `:` stands for itself", parameter(segment.substr(1))};
  if (segment.size() > 2 && segment.starts_with('<') && segment.ends_with('>'))
    return Doubt{"`<` and `>` stand for themselves",
                 parameter(name_in(segment.substr(1, segment.size() - 2), true))};
  if (is_like_regex(segment)) return Doubt{"a path is not a regular expression", "{name}"};
  if (segment.find('*') != segment.npos) return Doubt{"a `*` stands for itself", "{name}"};
  if (segment.starts_with(' ') || segment.ends_with(' ') || segment.find_first_of("\t\r\n") != segment.npos)
    return Doubt{"white space is part of the path"};
  return std::nullopt;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (bool more = true; more;) {
    const auto slash = path.find('/');
    more = slash != path.npos;
    segments.push_back(path.substr(0, slash));
    if (more) path.remove_prefix(slash + 1);
  }
  return segments;
}

// `{id?}` is a parameter.
std::string_view without_query(std::string_view text) {
  bool in_parameter = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' || text[i] == '}') in_parameter = text[i] == '{';
    if (!in_parameter && (text[i] == '?' || text[i] == '#')) return text.substr(0, i);
  }
  return text;
}

}  // namespace

std::string better_path(std::string_view path) {
  auto text = codec::trimmed(path, kBlanks);
  // What is in front of the path: `https://api.acme.example`.
  if (const auto scheme = text.find("://"); scheme != text.npos && scheme < text.find('/')) {
    const auto slash = text.find('/', scheme + 3);
    text = slash == text.npos ? "/" : text.substr(slash);
  }
  text = without_query(text);
  std::string better;
  std::vector<std::string> names;
  const auto segments = segments_of(text);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto segment = codec::trimmed(segments[i], kBlanks);
    const bool last = i + 1 == segments.size() || (i + 2 == segments.size() && segments.back().empty());
    // A slash at the end is part of the path, one too many is not.
    if (segment.empty() && (i == 0 || i + 1 < segments.size())) continue;
    const auto doubt = doubt_of(segment, last);
    if (doubt && doubt->better.empty()) return {};
    std::string piece(doubt ? std::string_view(doubt->better) : segment);
    for (int number = 2; doubt && std::ranges::find(names, piece) != names.end(); ++number)
      piece = fmt::format("{}{}}}", doubt->better.substr(0, doubt->better.size() - 1), number);
    if (piece.starts_with('{')) names.push_back(piece);
    better += "/" + piece;
  }
  return better == path ? std::string() : better;
}

void warn_of_path(const files::YamlNode& path, files::Source& source) {
  const auto segments = segments_of(path.text);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto segment = segments[i];
    const bool last = i + 1 == segments.size() || (i + 2 == segments.size() && segments.back().empty());
    const auto doubt = doubt_of(segment, last);
    // A parameter's name that is none is an error of the routes.
    if (!doubt || segment.starts_with('{')) continue;
    const auto better = better_path(path.text);
    source.issues.warning(
        source.place(path), fmt::format("`{}` in the path `{}`: {}", segment, path.text, doubt->what),
        better.empty() ? "a segment has at most one parameter: /orders/{order}, /v{version}/orders"
                       : fmt::format("write `{}`", better));
    return;
  }
}

}  // namespace writ::config
