#include "policytest/layers.h"

#include <algorithm>
#include <fmt/format.h>

#include "token/claims.h"

namespace writ::policytest {

using files::Fields;
using files::Source;
using files::YamlNode;

namespace {

constexpr std::string_view kTokenColumn = "token.";

bool is_request_key(std::string_view key) {
  return std::ranges::find(kRequestKeys, key) != std::end(kRequestKeys);
}

}  // namespace

bool is_column(std::string_view name) {
  if (!name.starts_with(kTokenColumn)) return is_request_key(name);
  const auto claims = token::stated_names();
  return std::ranges::find(claims, name.substr(kTokenColumn.size())) != claims.end();
}

const YamlNode* Layers::find_in(const Nodes& nodes, std::string_view key) {
  const auto found = nodes.find(key);
  if (found == nodes.end() || found->second->kind == YamlNode::Kind::kNull) return nullptr;
  return found->second;
}

const YamlNode* Layers::find(std::string_view key) const {
  return find_in(keys_, key);
}

const YamlNode* Layers::claim(std::string_view name) const {
  return find_in(claims_, name);
}

void Layers::make_room(bool request, bool entities, bool issue) {
  const auto drop = [&](std::initializer_list<std::string_view> keys) {
    for (const auto key : keys)
      if (const auto found = keys_.find(key); found != keys_.end()) keys_.erase(found);
  };
  if (issue) drop({"request", "api", "action", "resource", "attributes"});
  if (request || entities) drop({"issue"});
  if (request && !entities) drop({"api", "action", "resource", "attributes"});
}

void Layers::lay(const YamlNode& map, Source& source) {
  const auto given = [&](std::string_view key) { return map.find(key) != nullptr; };
  make_room(given("request"), given("api") || given("action") || given("resource"), given("issue"));
  for (const auto& entry : map.entries) {
    if (is_request_key(entry.key)) lay_key(entry.key, entry.value, source);
  }
}

void Layers::lay_row(const std::vector<std::string>& columns, const std::vector<YamlNode>& cells,
                     Source& source) {
  const auto given = [&](std::string_view key) {
    const auto at = std::ranges::find(columns, key);
    return at != columns.end() &&
           cells[static_cast<std::size_t>(at - columns.begin())].kind != YamlNode::Kind::kNull;
  };
  make_room(given("request"), given("api") || given("action") || given("resource"), given("issue"));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i].starts_with(kTokenColumn)) {
      lay_key(columns[i], cells[i], source);
      continue;
    }
    claims_[columns[i].substr(kTokenColumn.size())] = &cells[i];
    without_token_ = false;
  }
}

void Layers::lay_key(const std::string& key, const YamlNode& value, Source& source) {
  if (key == "token") return lay_token(value, source);
  keys_[key] = &value;
}

void Layers::lay_token(const YamlNode& token, Source& source) {
  if (token.kind == YamlNode::Kind::kText && token.text == "none") {
    without_token_ = true;
    return;
  }
  without_token_ = false;
  const Fields fields(&token, source, "a token", token::stated_names());
  for (const auto& entry : fields.node().entries) claims_[entry.key] = &entry.value;
}

}  // namespace writ::policytest
