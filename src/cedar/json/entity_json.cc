#include "cedar/entity_json.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "base/byte_run.h"
#include "cedar/ast.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

using codec::Json;

// None begins with a capital letter.
constexpr std::array<std::string_view, 10> kNoIdentifiers{"true", "false", "if",   "then", "else",
                                                          "in",   "is",    "like", "has",  "__cedar"};

bool valid_identifier(std::string_view text) noexcept {
  constexpr auto kLetter = [](auto byte) {
    return in_range(byte, 'a', 'z') | in_range(byte, 'A', 'Z') | (byte == '_');
  };
  constexpr auto kWord = [=](auto byte) { return kLetter(byte) | in_range(byte, '0', '9'); };
  return is_run_of(text.substr(0, 1), kLetter) && !text.empty() && is_run_of(text, kWord) &&
         !(text.front() >= '_' &&
           std::find(kNoIdentifiers.begin(), kNoIdentifiers.end(), text) != kNoIdentifiers.end());
}

// The content of `{name: {..}}` when that is all there is, with two members at least.
const Json* escape(const Json& json, std::string_view name) {
  const Json::Object* object = json.if_object();
  if (object == nullptr || object->size() != 1 || object->front().first != name) return nullptr;
  const Json::Object* content = object->front().second.if_object();
  return content != nullptr && content->size() >= 2 ? &object->front().second : nullptr;
}

Result<EntityRef> make_reference(Arena& arena, const std::string& type, const std::string& id) {
  if (!valid_entity_type(type)) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is not an entity type", type));
  }
  return arena.entity(type, id);
}

Result<Value> call_from_json(Arena& arena, std::string_view name, std::span<const Json> arguments) {
  const auto function = find_extension_function(name);
  if (!function)
    return failure(ErrorCode::kInvalid, fmt::format("extension function `{}` does not exist", name));
  std::vector<Value> values;
  for (const Json& argument : arguments) values.push_back(TRY(value_from_json(arena, argument)));
  Value out = Value::boolean(false);
  EvalFailure problem{EvalErrorKind::kType, 0, out};
  if (call_extension(*function, values, arena, out, problem)) return out;
  if (problem.kind == EvalErrorKind::kArgumentCount) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` does not take {} arguments", name, values.size()));
  }
  return failure(ErrorCode::kInvalid,
                 fmt::format("`{}` cannot be applied to `{}`", name, problem.seen.to_string()));
}

Result<Value> fields_from_json(Arena& arena, const Json::Object& object) {
  std::vector<TextField> fields;
  fields.reserve(object.size());
  for (const auto& [name, member] : object) {
    auto value = value_from_json(arena, member);
    if (!value) return std::unexpected(std::move(value).error().in(fmt::format("`{}`", name)));
    fields.push_back({arena.text(name), *value});
  }
  return make_record(arena, std::span<const TextField>(fields));
}

Result<Value> object_from_json(Arena& arena, const Json& json) {
  if (const Json* entity = entity_escape(json)) {
    TRY(check_integers(*entity));
    return Value::entity(
        TRY(make_reference(arena, *entity->find_string("type"), *entity->find_string("id"))));
  }
  if (const auto call = call_escape(json)) {
    TRY(check_integers(json));
    return call_from_json(arena, call->function, call->arguments);
  }
  if (is_expression_escape(json))
    return failure(ErrorCode::kUnsupported, "the `__expr` escape is no longer supported");
  return fields_from_json(arena, *json.if_object());
}

Error in_member(Error error, EntityRef uid, std::string_view what, std::string_view name) {
  return std::move(error).in(fmt::format("{} `{}` of `{}`", what, name, uid.to_string()));
}

// The parts of one entity, with the members that have to be there.
struct EntityParts {
  const Json* uid;
  const Json::Object* attributes;
  const Json::Array* parents;
  const Json::Object* tags;  // null when absent
};

Result<EntityParts> parts_of(const Json& json) {
  const Json* uid = json.find("uid");
  const Json* attributes = json.find("attrs");
  const Json* parents = json.find("parents");
  const Json* tags = json.find("tags");
  if (uid == nullptr) return failure(ErrorCode::kInvalid, "an entity needs a `uid`");
  if (attributes == nullptr || !attributes->is_object()) {
    return failure(ErrorCode::kInvalid, "an entity needs `attrs`, an object");
  }
  if (parents == nullptr || !parents->is_array()) {
    return failure(ErrorCode::kInvalid, "an entity needs `parents`, an array");
  }
  if (tags != nullptr && !tags->is_object()) return failure(ErrorCode::kInvalid, "`tags` must be an object");
  return EntityParts{uid, attributes->if_object(), parents->if_array(),
                     tags != nullptr ? tags->if_object() : nullptr};
}

Result<std::vector<EntityRef>> parents_from_json(Arena& arena, EntityRef uid, const Json::Array& array) {
  std::vector<EntityRef> parents;
  for (const Json& json : array) {
    auto parent = entity_from_json(arena, json);
    if (!parent) return std::unexpected(in_member(std::move(parent).error(), uid, "member", "parents"));
    if (is_action_type(uid.type()) && !is_action_type(parent->type())) {
      return failure(ErrorCode::kInvalid,
                     fmt::format("action `{}` has the parent `{}`, which is not an action", uid.to_string(),
                                 parent->to_string()));
    }
    parents.push_back(*parent);
  }
  return parents;
}

Result<void> add_entity(EntitiesBuilder& builder, const Json& json, const AttributeReader& reader) {
  Arena& arena = builder.arena();
  const EntityParts parts = TRY(parts_of(json));
  const EntityRef uid = TRY(entity_from_json(arena, *parts.uid));
  TRY(reader.check_entity(uid));

  const auto read = [&](const Json::Object& object, auto read_one, std::string_view what) -> Result<Value> {
    std::vector<TextField> fields;
    for (const auto& [name, member] : object) {
      auto value = (reader.*read_one)(arena, uid, name, member);
      if (!value) return std::unexpected(in_member(std::move(value).error(), uid, what, name));
      fields.push_back({arena.text(name), *value});
    }
    return make_record(arena, std::span<const TextField>(fields));
  };
  const Value attributes = TRY(read(*parts.attributes, &AttributeReader::attribute, "attribute"));
  Value tags = Value::record(empty_record());
  if (parts.tags != nullptr) tags = TRY(read(*parts.tags, &AttributeReader::tag, "tag"));
  const std::vector<EntityRef> parents = TRY(parents_from_json(arena, uid, *parts.parents));
  const bool wanted = TRY(reader.admit({uid, attributes.as_record(), parents, tags.as_record()}));
  return wanted ? builder.add(uid, attributes, parents, tags) : Result<void>();
}

Result<void> add_numbered_entity(EntitiesBuilder& builder, std::size_t number, const Json& json,
                                 const AttributeReader& reader) {
  auto added = add_entity(builder, json, reader);
  if (!added) return std::unexpected(std::move(added).error().in(fmt::format("entity {}", number)));
  return {};
}

}  // namespace

const Json* entity_escape(const Json& json) noexcept {
  const Json* entity = escape(json, "__entity");
  const bool whole =
      entity != nullptr && entity->find_string("type") != nullptr && entity->find_string("id") != nullptr;
  return whole ? entity : nullptr;
}

std::optional<CallEscape> call_escape(const Json& json) noexcept {
  const Json* call = escape(json, "__extn");
  const std::string* name = call != nullptr ? call->find_string("fn") : nullptr;
  if (name == nullptr) return std::nullopt;
  if (const Json* argument = call->find("arg")) return CallEscape{*name, {argument, 1}};
  const Json* arguments = call->find("args");
  if (arguments == nullptr || !arguments->is_array()) return std::nullopt;
  return CallEscape{*name, *arguments->if_array()};
}

bool is_expression_escape(const Json& json) noexcept {
  const Json::Object* object = json.if_object();
  return object != nullptr && object->size() == 1 && object->front().first == "__expr" &&
         object->front().second.is_string();
}

bool valid_entity_type(std::string_view type) noexcept {
  for (;;) {
    const std::size_t end = type.find("::");
    if (!valid_identifier(type.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    type.remove_prefix(end + 2);
  }
}

Result<void> check_integers(const Json& json) {
  if (json.is_double()) return failure(ErrorCode::kInvalid, "a number must be an integer of 64 bits");
  if (const Json::Array* array = json.if_array()) {
    for (const Json& element : *array) TRY(check_integers(element));
  }
  if (const Json::Object* object = json.if_object()) {
    for (const auto& member : *object) TRY(check_integers(member.second));
  }
  return {};
}

Result<Value> value_from_json(Arena& arena, const Json& json) {
  if (const bool* boolean = json.if_bool()) return Value::boolean(*boolean);
  if (const std::int64_t* number = json.if_int()) return Value::integer(*number);
  if (const std::string* text = json.if_string()) return make_string(arena, *text);
  if (json.is_object()) return object_from_json(arena, json);
  if (const Json::Array* array = json.if_array()) {
    std::vector<Value> elements;
    elements.reserve(array->size());
    for (const Json& element : *array) elements.push_back(TRY(value_from_json(arena, element)));
    return make_set(arena, elements);
  }
  TRY(check_integers(json));
  return failure(ErrorCode::kInvalid, "null is not a Cedar value");
}

Result<Value> record_from_json(Arena& arena, const Json& json) {
  if (!json.is_object()) {
    return failure(ErrorCode::kInvalid, fmt::format("expected an object, got {}", json.kind()));
  }
  const Value value = TRY(value_from_json(arena, json));
  if (!value.is(Kind::kRecord)) {
    return failure(ErrorCode::kInvalid, fmt::format("expected a record, got {}", kind_name(value.kind())));
  }
  return value;
}

Result<EntityRef> entity_from_json(Arena& arena, const Json& json) {
  if (json.find_string("__expr") != nullptr)
    return failure(ErrorCode::kUnsupported, "the `__expr` escape is no longer supported");
  // Where an entity is expected, an `__entity` that holds none is a member like any other.
  const Json* inner = json.find("__entity");
  const bool escaped =
      inner != nullptr && inner->find_string("type") != nullptr && inner->find_string("id") != nullptr;
  const Json& named = escaped ? *inner : json;
  const std::string* type = named.find_string("type");
  const std::string* id = named.find_string("id");
  if (type == nullptr || id == nullptr) {
    return failure(ErrorCode::kInvalid,
                   "expected an entity reference such as {\"type\": \"User\", \"id\": \"alice\"}");
  }
  return make_reference(arena, *type, *id);
}

Result<void> AttributeReader::check_entity(EntityRef) const {
  return {};
}
Result<Value> AttributeReader::attribute(Arena& arena, EntityRef, std::string_view, const Json& json) const {
  return value_from_json(arena, json);
}
Result<Value> AttributeReader::tag(Arena& arena, EntityRef, std::string_view, const Json& json) const {
  return value_from_json(arena, json);
}

Result<bool> AttributeReader::admit(const EntityDraft&) const {
  return true;
}

Result<void> add_entities(EntitiesBuilder& builder, const Json& array, const AttributeReader& reader) {
  const Json::Array* list = array.if_array();
  if (list == nullptr)
    return failure(ErrorCode::kInvalid, fmt::format("entities must be an array, got {}", array.kind()));
  for (std::size_t i = 0; i < list->size(); ++i) TRY(add_numbered_entity(builder, i, (*list)[i], reader));
  return {};
}

Result<void> add_entities(EntitiesBuilder& builder, std::string_view text, const codec::JsonLimits& limits,
                          const AttributeReader& reader) {
  std::size_t number = 0;
  return codec::for_each_item(
      text, limits, [&](const Json& json) { return add_numbered_entity(builder, number++, json, reader); });
}

Result<std::shared_ptr<const Entities>> entities_from_json(std::string_view text,
                                                           const codec::JsonLimits& limits) {
  EntitiesBuilder builder;
  TRY(add_entities(builder, text, limits));
  return std::move(builder).build();
}

void append_json(std::string& out, Value value) {
  char separator = 0;
  const auto separate = [&](char first) { out += std::exchange(separator, ',') == 0 ? first : ','; };
  switch (value.kind()) {
    case Kind::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case Kind::kLong:
      out += std::to_string(value.as_long());
      return;
    case Kind::kString:
      return codec::append_json_string(out, value.as_string());
    case Kind::kSet:
      for (const Value element : value.as_set()) separate('['), append_json(out, element);
      out += separator == 0 ? "[]" : "]";
      return;
    case Kind::kRecord:
      for (const auto& field : value.as_record()) {
        separate('{');
        codec::append_json_string(out, field.name->view());
        out += ':';
        append_json(out, field.value);
      }
      out += separator == 0 ? "{}" : "}";
      return;
    default:
      out += value_to_json(value).dump();
  }
}

Json value_to_json(Value value) {
  const auto call = [](std::string_view function, std::string argument) {
    return Json::object({{"__extn", Json::object({{"fn", function}, {"arg", std::move(argument)}})}});
  };
  switch (value.kind()) {
    case Kind::kBool:
      return Json(value.as_bool());
    case Kind::kLong:
      return Json(value.as_long());
    case Kind::kString:
      return Json(value.as_string());
    case Kind::kEntity: {
      const auto uid = value.as_entity();
      return Json::object({{"__entity", Json::object({{"type", uid.type()}, {"id", uid.id()}})}});
    }
    case Kind::kSet: {
      Json set = Json::array();
      for (const Value element : value.as_set()) set.push(value_to_json(element));
      return set;
    }
    case Kind::kRecord: {
      Json record = Json::object();
      for (const auto& field : value.as_record()) record.set(field.name->view(), value_to_json(field.value));
      return record;
    }
    case Kind::kIp:
      return call("ip", value.as_ip().to_string());
    case Kind::kDecimal:
      return call("decimal", value.as_decimal().to_string());
    case Kind::kDatetime:
      return call("datetime", value.as_datetime().to_string());
    case Kind::kDuration:
      return call("duration", value.as_duration().to_string());
  }
  return Json();
}

}  // namespace writ::cedar
