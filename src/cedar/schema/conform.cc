#include "cedar/conform.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

using codec::Json;

// Reading.

bool has_string(const Json& json, std::string_view member) {
  return json.find_string(member) != nullptr;
}
bool is_call(const Json* json) {
  if (json == nullptr || !has_string(*json, "fn")) return false;
  const Json* many = json->find("args");
  return json->find("arg") != nullptr || (many != nullptr && many->is_array());
}

Result<Value> call(Arena& arena, std::string_view name, std::span<const Value> arguments) {
  const auto function = find_extension_function(name);
  if (!function) return invalid(fmt::format("extension function `{}` does not exist", name));
  Value out = Value::boolean(false);
  EvalFailure problem{EvalErrorKind::kType, 0, out};
  if (call_extension(*function, arguments, arena, out, problem)) return out;
  if (problem.kind == EvalErrorKind::kArgumentCount)
    return invalid(fmt::format("`{}` does not take {} arguments", name, arguments.size()));
  return invalid(fmt::format("`{}` cannot be applied to `{}`", name, problem.seen.to_string()));
}

// The types of the arguments of an extension function, as far as they are extension types themselves.
Type argument_type(ExtFunction function, std::size_t index) {
  switch (function) {
    case ExtFunction::kIp:
    case ExtFunction::kDecimal:
    case ExtFunction::kDatetime:
    case ExtFunction::kDuration:
      return Type(TypeKind::kString);
    case ExtFunction::kIsIpv4:
    case ExtFunction::kIsIpv6:
    case ExtFunction::kIsLoopback:
    case ExtFunction::kIsMulticast:
    case ExtFunction::kIsInRange:
      return Type(TypeKind::kIp);
    case ExtFunction::kLessThan:
    case ExtFunction::kLessThanOrEqual:
    case ExtFunction::kGreaterThan:
    case ExtFunction::kGreaterThanOrEqual:
      return Type(TypeKind::kDecimal);
    case ExtFunction::kOffset:
      return Type(index == 0 ? TypeKind::kDatetime : TypeKind::kDuration);
    case ExtFunction::kDurationSince:
    case ExtFunction::kToDate:
    case ExtFunction::kToTime:
      return Type(TypeKind::kDatetime);
    case ExtFunction::kToMilliseconds:
    case ExtFunction::kToSeconds:
    case ExtFunction::kToMinutes:
    case ExtFunction::kToHours:
    case ExtFunction::kToDays:
      return Type(TypeKind::kDuration);
  }
  return Type(TypeKind::kNever);
}

std::string_view constructor_of(TypeKind kind) {
  return kind == TypeKind::kIp ? "ip" : extension_type_name(kind);
}

// `{"fn": .., "arg": ..}` with or without its escape; or the argument of the type's constructor.
Result<Value> extension_value(Arena& arena, const Json& json, const Type& expected) {
  // As with entities, `__expr` is an escape even beside other members.
  if (has_string(json, "__expr"))
    return failure(ErrorCode::kUnsupported, "the `__expr` escape is no longer supported");
  const Json* inner = json.find("__extn");
  const Json* written = is_call(inner) ? inner : is_call(&json) ? &json : nullptr;
  if (written == nullptr) {
    const Value argument = TRY(value_from_json(arena, json));
    return call(arena, constructor_of(expected.kind()), {&argument, 1});
  }
  const std::string& name = *written->find_string("fn");
  const auto function = find_extension_function(name);
  if (!function) return invalid(fmt::format("extension function `{}` does not exist", name));
  const Json* one = written->find("arg");
  const std::span<const Json> given =
      one != nullptr ? std::span(one, 1) : std::span<const Json>(*written->find("args")->if_array());
  std::vector<Value> arguments;
  for (const Json& argument : given)
    arguments.push_back(TRY(value_from_json(arena, argument, argument_type(*function, arguments.size()))));
  return call(arena, name, arguments);
}

Result<Value> set_value(Arena& arena, const Json& json, const Type& expected) {
  const Json::Array* array = json.if_array();
  if (array == nullptr) return invalid(fmt::format("expected an array, got {}", json.kind()));
  std::vector<Value> elements;
  elements.reserve(array->size());
  for (const Json& element : *array)
    elements.push_back(TRY(value_from_json(arena, element, expected.element())));
  return make_set(arena, elements);
}

Result<Value> record_value(Arena& arena, const Json& json, const Type& expected) {
  const Json::Object* object = json.if_object();
  if (object == nullptr) return invalid(fmt::format("expected an object, got {}", json.kind()));
  const Attributes& attributes = expected.attributes();
  std::vector<TextField> fields;
  fields.reserve(object->size());
  for (const auto& [name, member] : *object) {
    const auto known = attributes.find(name);
    if (known == attributes.end()) return invalid(fmt::format("there is no attribute `{}`", name));
    auto value = value_from_json(arena, member, known->second.type);
    if (!value) return std::unexpected(std::move(value).error().in(fmt::format("`{}`", name)));
    fields.push_back({arena.text(name), *value});
  }
  for (const auto& [name, attribute] : attributes) {
    if (attribute.required && json.find(name) == nullptr)
      return invalid(fmt::format("the attribute `{}` is missing", name));
  }
  return make_record(arena, std::span<const TextField>(fields));
}

// Checking.

Result<void> check_uid(const Schema& schema, EntityRef uid) {
  if (is_action_type(uid.type())) {
    if (schema.find_action(uid.type(), uid.id()) != nullptr) return {};
    return invalid(fmt::format("the action `{}` is not declared", uid.to_string()));
  }
  const SchemaEntityType* type = schema.find_entity_type(uid.type());
  if (type == nullptr || !type->is_enumerated() || type->has_choice(uid.id())) return {};
  return invalid(
      fmt::format("`{}` is not one of the entities that `{}` enumerates", uid.to_string(), type->name));
}

// The entities that a value names.
Result<void> check_uids(const Schema& schema, Value value) {
  if (value.is(Kind::kEntity)) return check_uid(schema, value.as_entity());
  if (value.is(Kind::kSet)) {
    for (const Value element : value.as_set()) TRY(check_uids(schema, element));
  } else if (value.is(Kind::kRecord)) {
    for (const auto& field : value.as_record()) TRY(check_uids(schema, field.value));
  }
  return {};
}

Result<void> check_value(const Schema& schema, Value value, const Type& type) {
  if (!has_type(value, type)) {
    return invalid(fmt::format("expected a value of type `{}`, got {} `{}`", type.to_string(),
                               kind_name(value.kind()), value.to_string()));
  }
  return check_uids(schema, value);
}

std::unexpected<Error> wrong_in_member(Error error, EntityRef uid, std::string_view what,
                                       std::string_view name) {
  return std::unexpected(std::move(error).in(fmt::format("{} `{}` of `{}`", what, name, uid.to_string())));
}

Result<void> check_attributes(const Schema& schema, const SchemaEntityType& type, const EntityDraft& entity) {
  for (const auto& field : entity.attributes) {
    const auto known = type.attributes.find(field.name->view());
    if (known == type.attributes.end())
      return invalid(fmt::format("`{}` has the attribute `{}`, which `{}` does not declare",
                                 entity.uid.to_string(), field.name->view(), type.name));
    auto checked = check_value(schema, field.value, known->second.type);
    if (!checked)
      return wrong_in_member(std::move(checked).error(), entity.uid, "attribute", field.name->view());
  }
  for (const auto& [name, attribute] : type.attributes) {
    if (attribute.required && entity.attributes.find(name) == nullptr)
      return invalid(fmt::format("`{}` lacks the attribute `{}`", entity.uid.to_string(), name));
  }
  return {};
}

Result<void> check_parents(const Schema& schema, const SchemaEntityType& type, const EntityDraft& entity) {
  for (const EntityRef parent : entity.parents) {
    TRY(check_uid(schema, parent));
    if (!type.has_ancestor(parent.type()))
      return invalid(fmt::format("`{}` has the parent `{}`, but a `{}` cannot be in a `{}`",
                                 entity.uid.to_string(), parent.to_string(), type.name, parent.type()));
  }
  return {};
}

Result<void> check_tags(const Schema& schema, const SchemaEntityType& type, const EntityDraft& entity) {
  if (!type.tags && entity.tags.size > 0)
    return invalid(fmt::format("`{}` has tags, but `{}` declares none", entity.uid.to_string(), type.name));
  for (const auto& field : entity.tags) {
    auto checked = check_value(schema, field.value, *type.tags);
    if (!checked) return wrong_in_member(std::move(checked).error(), entity.uid, "tag", field.name->view());
  }
  return {};
}

// The actions a text holds: left out of the store, which takes them from the schema, and compared with it
// when all were seen.
class GivenActions {
 public:
  Result<void> add(const EntityDraft& action) {
    if (action.attributes.size > 0 || action.tags.size > 0)
      return invalid(fmt::format("action `{}` has attributes or tags", action.uid.to_string()));
    std::set<EntityUid> parents;
    for (const EntityRef parent : action.parents) parents.insert(uid_of(parent));
    const auto [place, first] = parents_.emplace(uid_of(action.uid), parents);
    if (first || place->second == parents) return {};
    return failure(ErrorCode::kConflict,
                   fmt::format("`{}` is given twice, with a difference", action.uid.to_string()));
  }

  Result<void> check(const Schema& schema) const {
    for (const auto& [uid, parents] : parents_) {
      const SchemaAction* action = schema.find_action(uid);
      std::string shown;
      append_entity(shown, uid.type, uid.id);
      if (action == nullptr) return invalid(fmt::format("the action `{}` is not declared", shown));
      const std::set<EntityUid> above = ancestors(uid);
      const auto same = [](const EntityUid& a, const SchemaAction* b) { return a == b->uid; };
      if (!std::equal(above.begin(), above.end(), action->ancestors.begin(), action->ancestors.end(), same))
        return invalid(fmt::format("the action `{}` is not in the groups that the schema declares", shown));
    }
    return {};
  }

 private:
  static EntityUid uid_of(EntityRef uid) { return {std::string(uid.type()), std::string(uid.id())}; }

  std::set<EntityUid> ancestors(const EntityUid& uid) const {
    std::set<EntityUid> above;
    std::vector<EntityUid> open{uid};
    while (!open.empty()) {
      const auto known = parents_.find(open.back());
      open.pop_back();
      if (known == parents_.end()) continue;
      for (const EntityUid& parent : known->second) {
        if (above.insert(parent).second) open.push_back(parent);
      }
    }
    return above;
  }

  std::map<EntityUid, std::set<EntityUid>> parents_;
};

class SchemaReader : public AttributeReader {
 public:
  SchemaReader(const Schema& schema, GivenActions& actions) : schema_(schema), actions_(actions) {}

  Result<void> check_entity(EntityRef uid) const override {
    if (is_action_type(uid.type()) || schema_.find_entity_type(uid.type()) != nullptr) return {};
    return invalid(
        fmt::format("`{}` is of the entity type `{}`, which is not declared", uid.to_string(), uid.type()));
  }

  Result<Value> attribute(Arena& arena, EntityRef uid, std::string_view name,
                          const Json& json) const override {
    if (is_action_type(uid.type())) return value_from_json(arena, json);
    const SchemaEntityType& type = *schema_.find_entity_type(uid.type());
    const auto known = type.attributes.find(name);
    if (known == type.attributes.end())
      return invalid(fmt::format("`{}` does not declare this attribute", type.name));
    return value_from_json(arena, json, known->second.type);
  }

  Result<Value> tag(Arena& arena, EntityRef uid, std::string_view, const Json& json) const override {
    if (is_action_type(uid.type())) return value_from_json(arena, json);
    const SchemaEntityType& type = *schema_.find_entity_type(uid.type());
    if (!type.tags) return invalid(fmt::format("`{}` declares no tags", type.name));
    return value_from_json(arena, json, *type.tags);
  }

  Result<bool> admit(const EntityDraft& entity) const override {
    const bool is_action = is_action_type(entity.uid.type());
    TRY(is_action ? actions_.add(entity) : cedar::check_entity(schema_, entity));
    return !is_action;
  }

 private:
  const Schema& schema_;
  GivenActions& actions_;
};

Result<void> add_actions(EntitiesBuilder& builder, const Schema& schema) {
  Arena& arena = builder.arena();
  for (const auto& [uid, action] : schema.actions()) {
    std::vector<EntityRef> above;
    for (const SchemaAction* group : action.ancestors)
      above.push_back(arena.entity(group->uid.type, group->uid.id));
    TRY(builder.add(arena.entity(uid.type, uid.id), Value::record(empty_record()), above));
  }
  return {};
}

Result<void> check_party(const Schema& schema, EntityRef uid, std::string_view what) {
  if (schema.find_entity_type(uid.type()) == nullptr)
    return invalid(fmt::format("the type of the {} `{}` is not declared", what, uid.to_string()));
  return check_uid(schema, uid);
}

}  // namespace

Result<Value> value_from_json(Arena& arena, const Json& json, const Type& expected) {
  switch (expected.kind()) {
    case TypeKind::kEntity:
      TRY(check_integers(json));
      return Value::entity(TRY(entity_from_json(arena, json)));
    case TypeKind::kIp:
    case TypeKind::kDecimal:
    case TypeKind::kDatetime:
    case TypeKind::kDuration:
      TRY(check_integers(json));
      return extension_value(arena, json, expected);
    case TypeKind::kSet:
      return set_value(arena, json, expected);
    case TypeKind::kRecord:
      return record_value(arena, json, expected);
    default:
      return value_from_json(arena, json);
  }
}

Result<Value> context_from_json(Arena& arena, const Json& json, const Schema& schema, EntityRef action) {
  const SchemaAction* declared = schema.find_action(action.type(), action.id());
  if (declared == nullptr) return invalid(fmt::format("the action `{}` is not declared", action.to_string()));
  auto context = value_from_json(arena, json, declared->context);
  if (!context) return std::unexpected(std::move(context).error().in("context"));
  return context;
}

Result<void> add_entities(EntitiesBuilder& builder, const Json& array, const Schema& schema) {
  GivenActions actions;
  TRY(add_entities(builder, array, SchemaReader(schema, actions)));
  TRY(actions.check(schema));
  return add_actions(builder, schema);
}

Result<std::shared_ptr<const Entities>> entities_from_json(std::string_view text, const Schema& schema,
                                                           const codec::JsonLimits& limits) {
  EntitiesBuilder builder;
  GivenActions actions;
  TRY(add_entities(builder, text, limits, SchemaReader(schema, actions)));
  TRY(actions.check(schema));
  TRY(add_actions(builder, schema));
  return std::move(builder).build();
}

Result<void> check_entity(const Schema& schema, const EntityDraft& entity) {
  const SchemaEntityType* type = schema.find_entity_type(entity.uid.type());
  if (type == nullptr)
    return invalid(fmt::format("`{}` is of the entity type `{}`, which is not declared",
                               entity.uid.to_string(), entity.uid.type()));
  TRY(check_uid(schema, entity.uid));
  TRY(check_attributes(schema, *type, entity));
  TRY(check_parents(schema, *type, entity));
  return check_tags(schema, *type, entity);
}

Result<void> check_request(const Schema& schema, const Request& request) {
  TRY(check_party(schema, request.principal, "principal"));
  TRY(check_party(schema, request.resource, "resource"));
  const SchemaAction* action = schema.find_action(request.action.type(), request.action.id());
  if (action == nullptr)
    return invalid(fmt::format("the action `{}` is not declared", request.action.to_string()));
  if (!action->applies_to_principal(request.principal.type()))
    return invalid(fmt::format("the action `{}` does not apply to principals of type `{}`",
                               request.action.to_string(), request.principal.type()));
  if (!action->applies_to_resource(request.resource.type()))
    return invalid(fmt::format("the action `{}` does not apply to resources of type `{}`",
                               request.action.to_string(), request.resource.type()));
  auto checked = check_value(schema, request.context, action->context);
  if (!checked) return std::unexpected(std::move(checked).error().in("context"));
  return {};
}

}  // namespace writ::cedar
