#include "init/answers.h"

#include <algorithm>

#include "codec/twin.h"

namespace writ::init {
namespace {

using codec::Json;

constexpr std::string_view kOwners[] = {"owner", "owner_id", "ownerId", "user", "user_id", "userId"};
constexpr int kMostParts = 4;  // of `allOf`, one in the other

const Json* part(const Document& document, const Json* json, std::string_view name) {
  const Json* found = json != nullptr ? json->find(name) : nullptr;
  if (found == nullptr) return nullptr;
  const auto resolved = document.resolve(*found);
  return resolved ? *resolved : nullptr;
}

// `type` is a text, or a list of them (OpenAPI 3.1).
bool is_of_type(const Json* schema, std::string_view type) {
  const Json* told = schema != nullptr ? schema->find("type") : nullptr;
  if (told == nullptr) return false;
  if (const auto* list = told->if_array())
    return std::ranges::any_of(*list, [&](const Json& one) { return one == Json(type); });
  return *told == Json(type);
}

// The members of an object, also where several schemas say them together.
void add_members(const Document& document, const Json& schema,
                 std::vector<std::pair<std::string, const Json*>>& members, int depth = 0) {
  if (const Json* properties = schema.find("properties");
      properties != nullptr && properties->if_object() != nullptr) {
    for (const auto& [name, value] : *properties->if_object()) {
      const auto resolved = document.resolve(value);
      // A name that another reader takes for another one is not written into a pointer.
      if (resolved && codec::is_ascii_name(name)) members.emplace_back(name, *resolved);
    }
  }
  const Json* all = schema.find("allOf");
  if (all == nullptr || all->if_array() == nullptr || depth == kMostParts) return;
  for (const Json& each : *all->if_array())
    if (const auto resolved = document.resolve(each)) add_members(document, **resolved, members, depth + 1);
}

std::optional<AnswerShape> shape_of(const Document& document, const Json& schema) {
  std::vector<std::pair<std::string, const Json*>> members;
  add_members(document, schema, members);
  AnswerShape shape;
  for (const auto owner : kOwners) {
    const auto found = std::ranges::find(members, owner, &std::pair<std::string, const Json*>::first);
    if (found == members.end() || !is_of_type(found->second, "string")) continue;
    shape.owner = "/" + found->first;
    break;
  }
  if (shape.owner.empty()) return std::nullopt;
  for (const auto& [name, value] : members)
    if (is_of_type(value, "string") || is_of_type(value, "integer")) shape.ids.push_back("/" + name);
  return shape;
}

std::optional<AnswerShape> shape_of_list(const Document& document, const Json& list, std::string at) {
  const Json* items = part(document, &list, "items");
  if (!is_of_type(&list, "array") || items == nullptr) return std::nullopt;
  auto shape = shape_of(document, *items);
  if (shape) shape->elements = std::move(at);
  return shape;
}

}  // namespace

std::optional<AnswerShape> answer_shape(const Document& document, const Json& operation) {
  const Json* answers = operation.find("responses");
  const Json* answer = part(document, answers, "200");
  if (answer == nullptr) answer = part(document, answers, "2XX");
  const Json* content = answer != nullptr ? answer->find("content") : nullptr;
  const Json* schema =
      part(document, content != nullptr ? content->find("application/json") : nullptr, "schema");
  if (schema == nullptr) return std::nullopt;
  if (auto whole = shape_of_list(document, *schema, ".")) return whole;
  if (auto one = shape_of(document, *schema)) return one;
  std::vector<std::pair<std::string, const Json*>> members;
  add_members(document, *schema, members);
  std::optional<AnswerShape> found;
  for (const auto& [name, value] : members) {
    auto list = shape_of_list(document, *value, "/" + name);
    if (list && found) return std::nullopt;  // which of the two is the list?
    if (list) found = std::move(list);
  }
  return found;
}

}  // namespace writ::init
