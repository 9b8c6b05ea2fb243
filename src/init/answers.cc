#include "init/answers.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

#include "codec/ascii.h"
#include "codec/twin.h"

namespace writ::init {
namespace {

using codec::Json;

// Names that are usual, those that say more first.
constexpr std::array<std::string_view, 3> kOwners[] = {{"owner", "owner_id", "ownerId"},
                                                       {"user", "user_id", "userId"}};
constexpr int kMostParts = 4;  // of `allOf`, one in the other

const Json* part(const Document& document, const Json* json, std::string_view name) {
  const Json* found = json != nullptr ? json->find(name) : nullptr;
  if (found == nullptr) return nullptr;
  const auto resolved = document.resolve(*found);
  return resolved ? *resolved : nullptr;
}

// What may be `null` too is written as one of two schemas by some: FastAPI's `str | None`.
const Json* but_for_null(const Document& document, const Json* schema) {
  const Json* several = schema != nullptr ? schema->find("anyOf") : nullptr;
  if (several == nullptr && schema != nullptr) several = schema->find("oneOf");
  const auto* list = several != nullptr ? several->if_array() : nullptr;
  if (list == nullptr || schema->find("type") != nullptr) return schema;
  const Json* found = nullptr;
  for (const Json& each : *list) {
    const Json* type = each.find("type");
    if (type != nullptr && *type == Json("null")) continue;
    const auto resolved = document.resolve(each);
    if (found != nullptr || !resolved) return schema;
    found = *resolved;
  }
  return found != nullptr ? found : schema;
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
      if (resolved && codec::is_ascii_name(name))
        members.emplace_back(name, but_for_null(document, *resolved));
    }
  }
  const Json* all = schema.find("allOf");
  if (all == nullptr || all->if_array() == nullptr || depth == kMostParts) return;
  for (const Json& each : *all->if_array())
    if (const auto resolved = document.resolve(each)) add_members(document, **resolved, members, depth + 1);
}

using Members = std::vector<std::pair<std::string, const Json*>>;

const Json* member(const Members& members, std::string_view name) {
  const auto found = std::ranges::find(members, name, &Members::value_type::first);
  return found != members.end() ? found->second : nullptr;
}

bool is_id(const Json* schema) {
  return is_of_type(schema, "string") || is_of_type(schema, "integer");
}

// An id, which is a text or an integer, or an object that has one as its `id`: `"customer": {"id": "nora"}`.
// False: neither.
bool find_owner(const Document& document, const Members& members, std::string_view name, AnswerShape& shape) {
  const Json* found = member(members, name);
  shape.owner = fmt::format("/{}", name);
  if (found != nullptr && !is_id(found)) {
    Members inside;
    add_members(document, *found, inside);
    found = member(inside, "id");
    shape.owner += "/id";
  }
  if (!is_id(found)) shape.owner.clear();
  shape.owner_is_number = is_of_type(found, "integer") && !is_of_type(found, "string");
  return !shape.owner.empty();
}

std::optional<AnswerShape> shape_of(const Document& document, const Json& schema, std::string_view owner) {
  Members members;
  add_members(document, schema, members);
  AnswerShape shape;
  if (!owner.empty()) {
    find_owner(document, members, owner, shape);
  } else {
    for (const auto& usual : kOwners) {
      bool is_there = false;
      for (const auto name : usual) {
        is_there = is_there || member(members, name) != nullptr;
        if (shape.owner.empty()) find_owner(document, members, name, shape);
      }
      // Whose it is, says the owner, also one that cannot be read here. Another user beside it does not.
      if (is_there) break;
    }
  }
  if (shape.owner.empty()) return std::nullopt;
  shape.what = &schema;
  for (const auto& [name, value] : members)
    if (is_id(value)) {
      shape.ids.push_back("/" + name);
      if (!is_of_type(value, "string")) shape.numbers.push_back("/" + name);
    }
  return shape;
}

// All of an answer may be one member: `{"order": {"id": 1, "owner": "nora"}}`.
const std::pair<std::string, const Json*>* only_object(const Members& members) {
  if (members.size() != 1 || members.front().second == nullptr) return nullptr;
  const Json& schema = *members.front().second;
  const bool is_object = schema.find("properties") != nullptr || schema.find("allOf") != nullptr;
  return is_object ? &members.front() : nullptr;
}

std::optional<AnswerShape> shape_of_list(const Document& document, const Json& list, std::string at,
                                         std::string_view owner) {
  const Json* items = part(document, &list, "items");
  if (!is_of_type(&list, "array") || items == nullptr) return std::nullopt;
  auto shape = shape_of(document, *items, owner);
  if (shape) shape->elements = std::move(at);
  return shape;
}

void add_required(const Document& document, const Json& schema, std::set<std::string>& names, int depth = 0) {
  if (const Json* required = schema.find("required"); required != nullptr && required->if_array() != nullptr)
    for (const Json& name : *required->if_array())
      if (name.if_string() != nullptr) names.insert(*name.if_string());
  const Json* all = schema.find("allOf");
  if (all == nullptr || all->if_array() == nullptr || depth == kMostParts) return;
  for (const Json& each : *all->if_array())
    if (const auto resolved = document.resolve(each)) add_required(document, **resolved, names, depth + 1);
}

// Of an answer's media types, the one that is JSON.
const Json* json_in(const Json* content) {
  if (content == nullptr || content->if_object() == nullptr) return nullptr;
  if (const Json* plain = content->find("application/json")) return plain;
  for (const auto& [name, value] : *content->if_object()) {
    const auto type = codec::lowered(codec::trimmed(std::string_view(name).substr(0, name.find(';'))));
    if (type == "application/json" || (type.starts_with("application/") && type.ends_with("+json")))
      return &value;
  }
  return nullptr;
}

}  // namespace

std::string AnswerShape::owner_shown() const {
  return (elements && *elements != "." ? elements->substr(1) + owner : (inside + owner).substr(1));
}

namespace {

const Json* schema_of_answer(const Document& document, const Json& operation) {
  const Json* answers = operation.find("responses");
  const Json* answer = part(document, answers, "200");
  if (answer == nullptr) answer = part(document, answers, "2XX");
  const Json* content = answer != nullptr ? answer->find("content") : nullptr;
  return part(document, json_in(content), "schema");
}

void add_required_ids(const Document& document, const Json& schema, const std::string& inside,
                      std::vector<std::string>& pointers) {
  Members members;
  std::set<std::string> required;
  add_members(document, schema, members);
  add_required(document, schema, required);
  for (const auto& [name, value] : members)
    if (required.contains(name) && is_id(value)) pointers.push_back(fmt::format("{}/{}", inside, name));
  const auto* only = only_object(members);
  if (inside.empty() && only != nullptr && required.contains(only->first))
    add_required_ids(document, *only->second, "/" + only->first, pointers);
}

}  // namespace

std::vector<std::string> required_ids(const Document& document, const Json& operation) {
  const Json* body = part(document, &operation, "requestBody");
  const Json* content = body != nullptr ? body->find("content") : nullptr;
  if (content == nullptr || content->if_object() == nullptr || content->if_object()->size() != 1) return {};
  const Json* schema = part(document, content->find("application/json"), "schema");
  if (schema == nullptr) return {};
  std::vector<std::string> pointers;
  add_required_ids(document, *schema, {}, pointers);
  return pointers;
}

std::vector<std::string> body_names(const Document& document, const Json& operation) {
  const Json* body = part(document, &operation, "requestBody");
  const Json* content = body != nullptr ? body->find("content") : nullptr;
  if (content == nullptr || content->if_object() == nullptr) return {};
  Members members;
  for (const auto& [type, value] : *content->if_object())
    if (const Json* schema = part(document, &value, "schema")) add_members(document, *schema, members);
  std::vector<std::string> names;
  for (const auto& [name, value] : members) names.push_back(name);
  return names;
}

std::vector<std::string> likely_owners(const Document& document, const Json& operation) {
  constexpr std::string_view kWords[] = {"customer",  "account",  "client",   "member",  "author",  "creator",
                                         "createdby", "assignee", "employee", "patient", "student", "buyer",
                                         "seller",    "holder",   "username", "login",   "email"};
  const Json* schema = schema_of_answer(document, operation);
  if (schema == nullptr) return {};
  Members members;
  add_members(document, *schema, members);
  if (const auto* only = only_object(members)) {
    const Json& inner = *only->second;
    members.clear();
    add_members(document, inner, members);
  }
  std::vector<std::string> names;
  for (const auto word : kWords) {
    for (const auto& [name, value] : members) {
      auto plain = codec::lowered(name);
      std::erase(plain, '_');
      AnswerShape shape;
      if ((plain == word || plain == std::string(word) + "id") && find_owner(document, members, name, shape))
        names.push_back(name);
    }
  }
  return names;
}

std::optional<AnswerShape> answer_shape(const Document& document, const Json& operation,
                                        std::string_view owner) {
  const Json* schema = schema_of_answer(document, operation);
  if (schema == nullptr) return std::nullopt;
  if (auto whole = shape_of_list(document, *schema, ".", owner)) return whole;
  if (auto one = shape_of(document, *schema, owner)) return one;
  Members members;
  add_members(document, *schema, members);
  if (const auto* only = only_object(members)) {
    auto inner = shape_of(document, *only->second, owner);
    if (inner) inner->inside = "/" + only->first;
    return inner;
  }
  std::optional<AnswerShape> found;
  for (const auto& [name, value] : members) {
    auto list = shape_of_list(document, *value, "/" + name, owner);
    if (list && found) return std::nullopt;  // which of the two is the list?
    if (list) found = std::move(list);
  }
  return found;
}

}  // namespace writ::init
