// Schema: the checked form of one or more schema fragments. Every name is resolved, common types are put in
// where they are used, and both hierarchies, that of entity types and that of actions, are closed.
//
// From text to schema:
//
//   auto schema = schema_from_text("entity User; action view appliesTo {principal: User, resource: User};");
//
// What is wrong comes back as issues (cedar/issue.h), all that were found. Resolution follows Cedar's RFCs 24
// and 70: a name without a namespace means a declaration of the current namespace, or else of the empty one;
// a common type goes before an entity type; nothing may shadow a declaration of the empty namespace. The
// built-in types live in `__cedar`, and in the empty namespace under names nobody declares.
//
// Immutable and thread-safe; share it by shared_ptr.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cedar/parse.h"
#include "cedar/schema_fragment.h"
#include "cedar/schema_type.h"

namespace writ::cedar {

struct SchemaEntityType {
  std::string name;
  Attributes attributes;
  std::optional<Type> tags;          // absent: entities of this type have no tags
  std::vector<std::string> choices;  // the ids of an enumerated type; empty for others
  // All types above and below, however far; a type is its own only when it is declared so. Sorted by name.
  std::vector<const SchemaEntityType*> ancestors;
  std::vector<const SchemaEntityType*> descendants;

  bool is_enumerated() const noexcept { return !choices.empty(); }
  bool has_choice(std::string_view id) const noexcept;
  bool has_ancestor(std::string_view type) const noexcept;
};

struct SchemaAction {
  EntityUid uid;
  std::vector<std::string> principals;  // sorted, distinct
  std::vector<std::string> resources;
  Type context{TypeKind::kNever};  // a closed record
  // All groups above and all actions below, however far. Sorted by name.
  std::vector<const SchemaAction*> ancestors;
  std::vector<const SchemaAction*> descendants;

  bool applies_to_principal(std::string_view type) const noexcept;
  bool applies_to_resource(std::string_view type) const noexcept;
  bool has_ancestor(std::string_view type, std::string_view id) const noexcept;
};

using UidView = std::pair<std::string_view, std::string_view>;  // type, id
struct UidLess {
  using is_transparent = void;
  static UidView view(const EntityUid& uid) noexcept { return {uid.type, uid.id}; }
  static UidView view(UidView uid) noexcept { return uid; }
  bool operator()(const auto& a, const auto& b) const noexcept { return view(a) < view(b); }
};

class Schema {
 public:
  // How many pairs of types (and of actions) the closed hierarchies may have, and over how many memberships
  // one may have to go to find them all.
  static constexpr std::size_t kMaxHierarchyPairs = std::size_t{4} << 20;
  static constexpr std::size_t kMaxHierarchySteps = std::size_t{64} << 20;

  using EntityTypes = std::map<std::string, SchemaEntityType, std::less<>>;
  using Actions = std::map<EntityUid, SchemaAction, UidLess>;

  const EntityTypes& entity_types() const noexcept { return entity_types_; }
  const Actions& actions() const noexcept { return actions_; }
  // Null when the schema does not declare it.
  const SchemaEntityType* find_entity_type(std::string_view name) const noexcept;
  const SchemaAction* find_action(std::string_view type, std::string_view id) const noexcept;
  const SchemaAction* find_action(const EntityUid& uid) const noexcept {
    return find_action(uid.type, uid.id);
  }

  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

 private:
  friend class SchemaResolver;
  Schema() = default;

  EntityTypes entity_types_;
  Actions actions_;
};

using SchemaPtr = std::shared_ptr<const Schema>;

// One schema of fragments; a name declared in one may be used in all. `text` is that of the only fragment,
// for the places of issues; empty when there are several, or JSON.
Parsed<SchemaPtr> resolve_schema(std::span<const SchemaFragment> fragments, std::string_view text = {});
Parsed<SchemaPtr> schema_from_text(std::string_view text);
Parsed<SchemaPtr> schema_from_json(std::string_view text);

}  // namespace writ::cedar
