#include "cedar/schema/schema_resolver.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace writ::cedar {
namespace {

constexpr std::size_t kMaxCommonTypeChain = 200;  // of common types that stand for common types
constexpr std::string_view kBuiltinNamespace = "__cedar::";

std::string qualified(std::string_view space, std::string_view name) {
  return space.empty() ? std::string(name) : fmt::format("{}::{}", space, name);
}

std::string_view base_name(std::string_view name) {
  const auto at = name.rfind("::");
  return at == name.npos ? name : name.substr(at + 2);
}

bool is_qualified(std::string_view name) {
  return name.find("::") != name.npos;
}

// The names a reference may mean, the first that is declared counts.
std::vector<std::string> candidates(std::string_view space, const std::string& name) {
  if (space.empty() || is_qualified(name)) return {name};
  return {qualified(space, name), name};
}

template <class T>
void sort_distinct(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

bool before(const SchemaEntityType* a, const SchemaEntityType* b) {
  return a->name < b->name;
}
bool before(const SchemaAction* a, const SchemaAction* b) {
  return a->uid < b->uid;
}

// Fills in all ancestors and descendants; answers false when there are too many, or too many ways to them.
template <class Node, class Nodes>
bool close(Nodes& nodes, const std::map<const Node*, std::vector<const Node*>>& parents) {
  std::vector<Node*> all;
  std::map<const Node*, std::size_t> places;
  for (auto& [name, node] : nodes) {
    places.emplace(&node, all.size());
    all.push_back(&node);
  }
  std::vector<std::vector<std::size_t>> up(all.size());
  for (const auto& [node, list] : parents) {
    for (const Node* parent : list) up[places.at(node)].push_back(places.at(parent));
  }
  std::size_t pairs = 0, steps = 0;
  std::vector<std::size_t> seen_from(all.size(), all.size());
  for (std::size_t from = 0; from < all.size(); ++from) {
    std::vector<std::size_t> open = up[from];
    while (!open.empty()) {
      const std::size_t next = open.back();
      open.pop_back();
      if (std::exchange(seen_from[next], from) == from) continue;
      steps += up[next].size();
      if (++pairs > Schema::kMaxHierarchyPairs || steps > Schema::kMaxHierarchySteps) return false;
      open.insert(open.end(), up[next].begin(), up[next].end());
      all[from]->ancestors.push_back(all[next]);
      // The nodes come sorted by name, and so do these.
      all[next]->descendants.push_back(all[from]);
    }
    std::sort(all[from]->ancestors.begin(), all[from]->ancestors.end(),
              [](const Node* a, const Node* b) { return before(a, b); });
  }
  return true;
}

}  // namespace

void SchemaResolver::complain(const std::string& where, Span span, std::string message, std::string help) {
  if (issues_.size() >= kMaxIssues) return;
  if (text_.empty()) {
    issues_.push_back(make_placeless_issue({}, fmt::format("{}: {}", where, message), help));
  } else {
    issues_.push_back(make_issue(text_, span, message, help));
  }
}

Parsed<SchemaPtr> SchemaResolver::run() {
  schema_ = std::shared_ptr<Schema>(new Schema);
  collect();
  check_shadowing();
  add_builtin_types();
  // Also common types that nobody uses have to be right.
  for (const auto& [name, common] : commons_) {
    if (common.decl != nullptr)
      static_cast<void>(resolve_common({common.space, fmt::format("common type `{}`", name)}, name,
                                       common.decl->name.span));
  }
  for (const SchemaFragment& fragment : fragments_) {
    for (const NamespaceDecl& space : fragment.namespaces) resolve(space);
  }
  close_hierarchies();
  if (!issues_.empty()) return std::unexpected(std::move(issues_));
  return SchemaPtr(std::move(schema_));
}

// 1. What is declared.

void SchemaResolver::collect() {
  for (const SchemaFragment& fragment : fragments_) {
    for (const NamespaceDecl& space : fragment.namespaces) collect(space);
  }
}

void SchemaResolver::collect(const NamespaceDecl& space) {
  for (const CommonTypeDecl& decl : space.common_types) {
    const std::string name = qualified(space.name, decl.name.text);
    if (!commons_.emplace(name, CommonType{&decl, space.name}).second)
      complain("schema", decl.name.span, fmt::format("the common type `{}` is declared twice", name));
  }
  for (const EntityTypeDecl& decl : space.entity_types) {
    const std::string name = qualified(space.name, decl.name.text);
    if (decl.name.text == "Action")
      complain("schema", decl.name.span, "the entity type `Action` cannot be declared",
               "actions are declared by `action`; their type exists by itself");
    if (!schema_->entity_types_.emplace(name, SchemaEntityType{name, {}, {}, decl.choices, {}, {}}).second)
      complain("schema", decl.name.span, fmt::format("the entity type `{}` is declared twice", name));
    entities_.insert(name);
  }
  for (const ActionDecl& decl : space.actions) {
    const EntityUid uid{qualified(space.name, "Action"), decl.id};
    SchemaAction action;
    action.uid = uid;
    if (!schema_->actions_.emplace(uid, std::move(action)).second)
      complain("schema", decl.span, fmt::format("the action `{}` is declared twice", decl.id));
  }
}

// RFC 70: what stands in the empty namespace may not be declared again in another.
void SchemaResolver::check_shadowing() {
  std::map<std::string_view, std::string_view> elsewhere;
  const auto note = [&](std::string_view name) {
    if (is_qualified(name)) elsewhere.emplace(base_name(name), name);
  };
  for (const auto& [name, common] : commons_) note(name);
  for (const std::string& name : entities_) note(name);
  const auto check = [&](const std::string& name, Span span) {
    const auto found = is_qualified(name) ? elsewhere.end() : elsewhere.find(name);
    if (found != elsewhere.end())
      complain(
          "schema", span,
          fmt::format("`{}` is declared in the empty namespace and shadowed by `{}`", name, found->second),
          "rename one of them, or put the first into a namespace");
  };
  for (const auto& [name, common] : commons_) check(name, common.decl->name.span);
  for (const std::string& name : entities_) check(name, {});

  std::map<std::string_view, const EntityUid*> actions_elsewhere;
  for (const auto& [uid, action] : schema_->actions_) {
    if (is_qualified(uid.type)) actions_elsewhere.emplace(uid.id, &uid);
  }
  for (const auto& [uid, action] : schema_->actions_) {
    const auto found = is_qualified(uid.type) ? actions_elsewhere.end() : actions_elsewhere.find(uid.id);
    if (found != actions_elsewhere.end())
      complain("schema", {},
               fmt::format("the action `{}` is declared in the empty namespace and shadowed in `{}`", uid.id,
                           found->second->type));
  }
}

void SchemaResolver::add_builtin_types() {
  const auto add = [&](std::string_view name, Type type) {
    const CommonType builtin{nullptr, {}, State::kDone, type};
    commons_.emplace(std::string(kBuiltinNamespace).append(name), builtin);
    if (!entities_.contains(name)) commons_.emplace(std::string(name), builtin);
  };
  add("Bool", Type(TypeKind::kBool));
  add("Long", Type(TypeKind::kLong));
  add("String", Type(TypeKind::kString));
  for (const TypeKind kind : {TypeKind::kIp, TypeKind::kDecimal, TypeKind::kDatetime, TypeKind::kDuration})
    add(extension_type_name(kind), Type(kind));
  // Each namespace with actions has the entity type of its actions.
  for (const auto& [uid, action] : schema_->actions_) entities_.insert(uid.type);
}

// 2. What the references mean.

std::optional<std::string> SchemaResolver::resolve_name(const Place& place, const std::string& name,
                                                        Span span, Refers refers) {
  for (std::string& candidate : candidates(place.space, name)) {
    if (refers != Refers::kEntity && commons_.contains(candidate)) return std::move(candidate);
    if (refers != Refers::kCommon && entities_.contains(candidate)) return std::move(candidate);
  }
  const std::string_view what = refers == Refers::kEntity   ? "entity type"
                                : refers == Refers::kCommon ? "common type"
                                                            : "type";
  std::string help;
  if (name == "Boolean") help = "the type of `true` and `false` is `Bool`";
  if (refers == Refers::kCommon && entities_.contains(candidates(place.space, name).front()))
    help = fmt::format("`{}` is an entity type, but a record is needed here", name);
  complain(place.where, span, fmt::format("the {} `{}` is not declared", what, name), std::move(help));
  return std::nullopt;
}

std::optional<Type> SchemaResolver::resolve_type(const Place& place, const TypeDecl& decl) {
  switch (decl.form) {
    case TypeForm::kString:
      return Type(TypeKind::kString);
    case TypeForm::kLong:
      return Type(TypeKind::kLong);
    case TypeForm::kBoolean:
      return Type(TypeKind::kBool);
    case TypeForm::kExtension: {
      auto type = extension_type(decl.name);
      if (!type)
        complain(place.where, decl.span, fmt::format("the extension type `{}` does not exist", decl.name),
                 "there are `ipaddr`, `decimal`, `datetime` and `duration`");
      return type;
    }
    case TypeForm::kSet: {
      auto element = resolve_type(place, decl.element.at(0));
      if (!element) return std::nullopt;
      return Type::set(*std::move(element));
    }
    case TypeForm::kRecord:
      return resolve_record(place, decl);
    case TypeForm::kEntity: {
      auto name = resolve_name(place, decl.name, decl.span, Refers::kEntity);
      if (!name) return std::nullopt;
      return Type::entity(*std::move(name));
    }
    case TypeForm::kCommon:
    case TypeForm::kEntityOrCommon: {
      const auto refers = decl.form == TypeForm::kCommon ? Refers::kCommon : Refers::kEither;
      auto name = resolve_name(place, decl.name, decl.span, refers);
      if (!name) return std::nullopt;
      if (commons_.contains(*name)) return resolve_common(place, *name, decl.span);
      return Type::entity(*std::move(name));
    }
  }
  return std::nullopt;
}

std::optional<Type> SchemaResolver::resolve_record(const Place& place, const TypeDecl& decl) {
  if (decl.additional_attributes) {
    complain(place.where, decl.span, "records with additional attributes are not supported",
             "leave out `additionalAttributes`");
    return std::nullopt;
  }
  Attributes attributes;
  bool complete = true;
  for (const AttributeDecl& attribute : decl.attributes) {
    auto type = resolve_type(place, attribute.type);
    complete = complete && type.has_value();
    if (type)
      attributes.insert_or_assign(attribute.name, AttributeType{*std::move(type), attribute.required});
  }
  if (!complete) return std::nullopt;
  return Type::record(std::move(attributes));
}

std::optional<Type> SchemaResolver::resolve_common(const Place& place, const std::string& name, Span span) {
  CommonType& common = commons_.find(name)->second;
  if (common.state == State::kDone) return common.type;
  if (common.state == State::kOpen) {
    complain(place.where, span, fmt::format("the common type `{}` is defined by itself", name),
             "the definitions of common types cannot be circular");
    return std::nullopt;
  }
  if (depth_ >= kMaxCommonTypeChain) {
    complain(place.where, span, fmt::format("the common type `{}` refers to too many others in turn", name));
    return std::nullopt;
  }
  common.state = State::kOpen;
  ++depth_;
  common.type = resolve_type({common.space, fmt::format("common type `{}`", name)}, common.decl->type);
  --depth_;
  common.state = State::kDone;
  if (common.type && (common.type->height() > Type::kMaxHeight || common.type->size() > Type::kMaxSize)) {
    complain(place.where, span, fmt::format("the common type `{}` is too large", name));
    common.type.reset();
  }
  return common.type;
}

// The shape of an entity or a context: a record. When it is wrong, the issue is recorded.
Type SchemaResolver::record_of(const Place& place, const TypeDecl& decl) {
  auto type = resolve_sized(place, decl);
  if (!type) return Type::record({});
  if (!type->is(TypeKind::kRecord)) {
    complain(place.where, decl.span, fmt::format("expected a record, got the type `{}`", type->to_string()));
    return Type::record({});
  }
  return *std::move(type);
}

std::optional<Type> SchemaResolver::resolve_sized(const Place& place, const TypeDecl& decl) {
  auto type = resolve_type(place, decl);
  if (!type || (type->height() <= Type::kMaxHeight && type->size() <= Type::kMaxSize)) return type;
  complain(place.where, decl.span, "this type is too large");
  return std::nullopt;
}

void SchemaResolver::resolve(const NamespaceDecl& space) {
  for (const EntityTypeDecl& decl : space.entity_types) resolve_entity_type(space, decl);
  for (const ActionDecl& decl : space.actions) resolve_action(space, decl);
}

std::vector<std::string> SchemaResolver::entity_types_of(const Place& place,
                                                         const std::vector<TypeName>& names) {
  std::vector<std::string> types;
  for (const TypeName& name : names) {
    auto type = resolve_name(place, name.text, name.span, Refers::kEntity);
    if (type && schema_->entity_types_.contains(*type)) {
      types.push_back(*std::move(type));
    } else if (type) {
      complain(place.where, name.span, fmt::format("the action type `{}` cannot stand here", *type));
    }
  }
  sort_distinct(types);
  return types;
}

void SchemaResolver::resolve_entity_type(const NamespaceDecl& space, const EntityTypeDecl& decl) {
  const std::string name = qualified(space.name, decl.name.text);
  const Place place{space.name, fmt::format("entity type `{}`", name)};
  SchemaEntityType& entity = schema_->entity_types_.find(name)->second;
  entity.attributes = record_of(place, decl.shape).attributes();
  if (decl.tags) entity.tags = resolve_sized(place, *decl.tags);
  for (const std::string& parent : entity_types_of(place, decl.parents))
    entity_parents_[&entity].push_back(&schema_->entity_types_.find(parent)->second);
}

std::optional<EntityUid> SchemaResolver::resolve_action_name(const Place& place, const ActionName& name) {
  for (const std::string& type : candidates(place.space, name.type.value_or("Action"))) {
    if (schema_->find_action(type, name.id) != nullptr) return EntityUid{type, name.id};
  }
  std::string shown;
  append_entity(shown, name.type.value_or("Action"), name.id);
  complain(place.where, name.span, fmt::format("the action `{}` is not declared", shown));
  return std::nullopt;
}

void SchemaResolver::resolve_action(const NamespaceDecl& space, const ActionDecl& decl) {
  const Place place{space.name, fmt::format("action `{}`", decl.id)};
  SchemaAction& action = schema_->actions_.find(EntityUid{qualified(space.name, "Action"), decl.id})->second;
  action.context = Type::record({});
  if (decl.applies_to) {
    action.principals = entity_types_of(place, decl.applies_to->principals);
    action.resources = entity_types_of(place, decl.applies_to->resources);
    action.context = record_of(place, decl.applies_to->context);
  }
  if (!decl.parents) return;
  for (const ActionName& parent : *decl.parents) {
    if (const auto uid = resolve_action_name(place, parent))
      action_parents_[&action].push_back(schema_->find_action(*uid));
  }
}

// 3. The hierarchies.

void SchemaResolver::close_hierarchies() {
  if (!close<SchemaEntityType>(schema_->entity_types_, entity_parents_))
    complain("schema", {}, "the hierarchy of entity types is too large");
  if (!close<SchemaAction>(schema_->actions_, action_parents_))
    complain("schema", {}, "the hierarchy of actions is too large");
  for (const auto& [uid, action] : schema_->actions_) {
    if (action.has_ancestor(uid.type, uid.id))
      complain("schema", {}, fmt::format("the action `{}` is a member of itself", uid.id));
  }
}

}  // namespace writ::cedar
