#include "policytest/suite_text.h"

#include <algorithm>
#include <fmt/format.h>

#include "files/yaml.h"

namespace writ::policytest {

using codec::Json;

namespace {

bool is_plain_key(std::string_view key) {
  constexpr std::string_view kWords[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !key.empty() && is_letter(key.front()) && std::ranges::find(kWords, key) == std::end(kWords) &&
         std::ranges::all_of(key, [&](char c) { return is_letter(c) || c == '-' || (c >= '0' && c <= '9'); });
}

}  // namespace

std::string yaml_line(const Json& json) {
  const auto listed = [](const auto& items, char open, char close, auto text_of) {
    std::string out(1, open);
    for (const auto& item : items) out += (out.size() > 1 ? ", " : "") + text_of(item);
    return out + close;
  };
  const auto key = [](const std::string& name) {
    return is_plain_key(name) ? name : files::with_yaml_escapes(Json(name).dump());
  };
  if (const auto* members = json.if_object())
    return listed(*members, '{', '}',
                  [&](const auto& each) { return key(each.first) + ": " + yaml_line(each.second); });
  if (const auto* items = json.if_array())
    return listed(*items, '[', ']', [](const Json& each) { return yaml_line(each); });
  return files::with_yaml_escapes(json.dump());
}

std::string fixtures_text(const Json& fixtures) {
  std::string out = "fixtures:\n";
  for (const auto& [kind, entries] : *fixtures.if_object()) {
    out += fmt::format("  {}:\n", kind);
    if (const auto* members = entries.if_object())
      for (const auto& [id, entry] : *members)
        out += fmt::format("    {}: {}\n", is_plain_key(id) ? id : files::with_yaml_escapes(Json(id).dump()),
                           yaml_line(entry));
    if (const auto* items = entries.if_array())
      for (const Json& item : *items) out += fmt::format("    - {}\n", yaml_line(item));
  }
  return out;
}

}  // namespace writ::policytest
