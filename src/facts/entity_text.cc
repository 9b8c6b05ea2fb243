#include "facts/entity_text.h"

#include <fmt/format.h>

#include "cedar/conform.h"
#include "codec/members.h"
#include "codec/name.h"

namespace writ::facts {
namespace {

using cedar::Arena;
using cedar::EntityRef;
using cedar::TextField;
using cedar::Value;
using codec::Json;

// `read(arena, name, json)` makes the value of a field.
template <class Read>
Result<const cedar::RecordNode*> record(Arena& arena, const Json& json, std::string_view what, Read read) {
  const auto* object = json.if_object();
  if (object == nullptr) return invalid(fmt::format("`{}` must be an object", what));
  std::vector<TextField> fields;
  for (const auto& [name, member] : *object) {
    auto value = read(name, member);
    if (!value) return std::unexpected(std::move(value).error().in(fmt::format("{} `{}`", what, name)));
    fields.push_back({arena.text(name), *value});
  }
  if (fields.empty()) return cedar::empty_record();
  return &cedar::make_record(arena, std::span<const TextField>(fields)).as_record();
}

template <class Attribute, class Tag>
Result<ReadEntity> read(Arena& arena, const Json& json, Attribute attribute, Tag tag) {
  TRY(codec::Members::of(json, "the entity", {"uid", "attrs", "parents", "tags"}));
  const auto name = TRY(name_from_json(json));
  ReadEntity entity{arena.entity(name.type, name.id), cedar::empty_record(), cedar::empty_record(), {}};
  if (const auto* attributes = json.find("attrs"))
    entity.attributes = TRY(record(arena, *attributes, "attrs", attribute));
  if (const auto* tags = json.find("tags")) entity.tags = TRY(record(arena, *tags, "tags", tag));
  const auto* parents = json.find("parents");
  if (parents == nullptr) return entity;
  const auto* list = parents->if_array();
  if (list == nullptr || list->size() > kMaxParents)
    return invalid(fmt::format("`parents` must be a list of at most {} entities", kMaxParents));
  for (const auto& parent : *list) entity.parents.push_back(TRY(cedar::entity_from_json(arena, parent)));
  return entity;
}

Json name_json(EntityRef uid) {
  return Json::object({{"type", uid.type()}, {"id", uid.id()}});
}

Json record_json(const cedar::RecordNode& record) {
  Json json = Json::object();
  for (const auto& field : record) json.set(field.name->view(), cedar::value_to_json(field.value));
  return json;
}

}  // namespace

Result<EntityKey> name_from_json(const Json& json) {
  const auto* uid = json.find("uid");
  if (uid == nullptr) return invalid("`uid` is missing: {\"type\": …, \"id\": …}");
  Arena arena;
  const auto read = TRY(cedar::entity_from_json(arena, *uid));
  EntityKey name{std::string(read.type()), std::string(read.id())};
  TRY(check_name(name));
  return name;
}

Result<void> check_name(const EntityKey& name) {
  if (!cedar::valid_entity_type(name.type))
    return invalid(fmt::format("`{}` is not the type of an entity", name.type));
  if (name.type.starts_with("Writ::"))
    return invalid(
        fmt::format("`{}` is Writ's own type, whose facts Writ keeps itself; push entities of your "
                    "APIs' types",
                    name.type));
  if (name.id.size() > kMaxEntityIdBytes)
    return failure(ErrorCode::kLimit, fmt::format("an entity's id has at most {} bytes", kMaxEntityIdBytes));
  if (const auto wrong = codec::name_problem(name.id))
    return invalid(fmt::format("the entity's id {}", *wrong));
  return {};
}

Result<ReadEntity> entity_from_json(Arena& arena, const Json& json, const cedar::Schema& schema) {
  const auto name = TRY(name_from_json(json));
  const auto* type = schema.find_entity_type(name.type);
  if (type == nullptr) return invalid(fmt::format("the schema does not declare the type `{}`", name.type));
  const auto attribute = [&](std::string_view called, const Json& member) -> Result<Value> {
    const auto known = type->attributes.find(called);
    if (known == type->attributes.end())
      return invalid(fmt::format("the schema does not declare it for `{}`", type->name));
    return cedar::value_from_json(arena, member, known->second.type);
  };
  const auto tag = [&](std::string_view, const Json& member) -> Result<Value> {
    if (!type->tags) return invalid(fmt::format("the schema declares no tags for `{}`", type->name));
    return cedar::value_from_json(arena, member, *type->tags);
  };
  auto entity = TRY(read(arena, json, attribute, tag));
  TRY(cedar::check_entity(schema, entity.draft()));
  return entity;
}

Result<ReadEntity> entity_from_record(Arena& arena, std::string_view record) {
  const auto json = TRY(codec::parse_json(record));
  const auto value = [&](std::string_view, const Json& member) {
    return cedar::value_from_json(arena, member);
  };
  return read(arena, json, value, value);
}

Json to_json(const cedar::EntityDraft& entity) {
  Json parents = Json::array();
  for (const EntityRef parent : entity.parents) parents.push(name_json(parent));
  Json json = Json::object({{"uid", name_json(entity.uid)},
                            {"attrs", record_json(entity.attributes)},
                            {"parents", std::move(parents)}});
  if (entity.tags.size > 0) json.set("tags", record_json(entity.tags));
  return json;
}

Json to_json(const cedar::Entity& entity) {
  return to_json(cedar::EntityDraft{entity.uid, *entity.attributes, entity.parents, *entity.tags});
}

Json patched(const Json& entity, const Json& patch) {
  Json made = Json::object();
  made.set("uid", *entity.find("uid"));
  Json attributes = Json::object();
  const auto* changes = patch.find("attrs");
  if (const auto* old = entity.find("attrs")) {
    for (const auto& [name, value] : *old->if_object()) {
      if (changes == nullptr || changes->find(name) == nullptr) attributes.set(name, value);
    }
  }
  if (changes != nullptr && changes->is_object()) {
    for (const auto& [name, value] : *changes->if_object()) {
      if (!value.is_null()) attributes.set(name, value);
    }
  }
  made.set("attrs", std::move(attributes));
  for (const auto* member : {"parents", "tags"}) {
    const auto* value = patch.find(member) != nullptr ? patch.find(member) : entity.find(member);
    if (value != nullptr) made.set(member, *value);
  }
  return made;
}

}  // namespace writ::facts
