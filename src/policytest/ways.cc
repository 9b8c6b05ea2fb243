#include "policytest/ways.h"

#include <fmt/format.h>

#include "http/path_trie.h"
#include "http/target.h"

namespace writ::policytest {

namespace {

using Values = std::map<std::string, std::string, std::less<>>;

// Of "{tenant}/x": the literal before the next parameter, and its name; the rest stays in `text`.
struct Piece {
  std::string_view literal, name;
};

Piece next_piece(std::string_view& text) {
  const auto open = text.find('{');
  if (open == text.npos) return {std::exchange(text, {}), {}};
  const auto close = text.find('}', open);
  const Piece piece{text.substr(0, open), text.substr(open + 1, close - open - 1)};
  text.remove_prefix(close == text.npos ? text.size() : close + 1);
  return piece;
}

// Reads `text` by a template, in which no parameter takes a slash but the rest of the path. A value that is
// known already has to be the same.
bool read_by(std::string_view form, std::string_view text, Values& values) {
  while (!form.empty()) {
    const auto [literal, name] = next_piece(form);
    if (!text.starts_with(literal)) return false;
    text.remove_prefix(literal.size());
    if (name.empty()) break;
    const auto following = form.substr(0, form.find('{'));
    const bool rest = name == "**";
    const auto end = following.empty() ? text.size() : rest ? text.rfind(following) : text.find(following);
    if (end == text.npos) return false;
    const auto value = text.substr(0, end);
    if (value.empty() || (!rest && value.find('/') != value.npos)) return false;
    const auto [known, added] = values.try_emplace(std::string(name), value);
    if (!added && known->second != value) return false;
    text.remove_prefix(end);
  }
  return text.empty();
}

}  // namespace

std::string Way::fill(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    const auto [literal, name] = next_piece(text);
    out += literal;
    const auto value = values.find(name);
    if (value != values.end()) out += value->second;
  }
  return out;
}

cedar::EntityUid Way::resource() const {
  return {route->resource_type, fill(route->resource_id)};
}

codec::Json Way::attributes() const {
  if (route->attributes.empty()) return {};
  auto json = codec::Json::object();
  for (const auto& [name, text] : route->attributes) json.set(name, fill(text));
  return json;
}

std::optional<Way> Ways::of(const Target& target) const {
  const auto parsed = http::parse_target(target.path);
  if (!target.routed() || !parsed) return std::nullopt;
  for (const auto& route : routes()) {
    Way way{&route, {}};
    if (route.method == target.method &&
        read_by(http::with_braced_rest(route.path), parsed->path, way.values) && this->target(way, target))
      return way;
  }
  return std::nullopt;
}

std::optional<Way> Ways::by(const config::DeclaredRoute& route, std::string_view resource_id,
                            const Values& values) const {
  Way way{&route, {}};
  if (!read_by(route.resource_id, resource_id, way.values)) return std::nullopt;
  const auto path_template = http::with_braced_rest(route.path);
  std::string_view path = path_template;
  while (!path.empty()) {
    const auto [literal, name] = next_piece(path);
    if (name.empty() || way.values.contains(name)) continue;
    const auto known = values.find(name);
    if (known == values.end()) return std::nullopt;
    way.values.insert(*known);
  }
  return way;
}

std::optional<Way> Ways::to(std::string_view api, const cedar::EntityUid& action,
                            const cedar::EntityUid& resource, const Values& values) const {
  for (const auto& route : routes()) {
    if (route.api != api || route.action != action.id || route.resource_type != resource.type) continue;
    auto way = by(route, resource.id, values);
    if (way && target(*way, {})) return way;
  }
  return std::nullopt;
}

std::optional<Target> Ways::target(const Way& way, const Target& like) const {
  const auto path = way.fill(http::with_braced_rest(way.route->path));
  std::vector<std::string_view> values;
  const auto match = loaded_.routes->match(way.route->method, path, values);
  if (match.route == nullptr || match.route->api() != way.route->api ||
      match.route->action().id != way.route->action ||
      match.route->resource_type() != way.route->resource_type)
    return std::nullopt;
  std::string resource;
  match.route->resource_id().append(resource, values);
  if (resource != way.resource().id) return std::nullopt;
  Target target{.method = way.route->method, .path = http::encode_path(path), .body = like.body};
  const auto query = like.path.find('?');
  if (query == like.path.npos) return target;
  // Another route may take no such query.
  if (!match.route->query_names().refusal(std::string_view(like.path).substr(query + 1)))
    target.path += like.path.substr(query);
  return target;
}

}  // namespace writ::policytest
