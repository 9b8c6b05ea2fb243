#include "cedar/schema.h"

#include <algorithm>

#include "cedar/schema/schema_resolver.h"

namespace writ::cedar {

bool SchemaEntityType::has_choice(std::string_view id) const noexcept {
  return std::find(choices.begin(), choices.end(), id) != choices.end();
}

bool SchemaEntityType::has_ancestor(std::string_view type) const noexcept {
  const auto at = std::lower_bound(ancestors.begin(), ancestors.end(), type,
                                   [](const auto* a, std::string_view b) { return a->name < b; });
  return at != ancestors.end() && (*at)->name == type;
}

bool SchemaAction::applies_to_principal(std::string_view type) const noexcept {
  return std::binary_search(principals.begin(), principals.end(), type);
}

bool SchemaAction::applies_to_resource(std::string_view type) const noexcept {
  return std::binary_search(resources.begin(), resources.end(), type);
}

bool SchemaAction::has_ancestor(std::string_view type, std::string_view id) const noexcept {
  const UidView wanted{type, id};
  const auto at =
      std::lower_bound(ancestors.begin(), ancestors.end(), wanted,
                       [](const SchemaAction* a, UidView b) { return UidLess::view(a->uid) < b; });
  return at != ancestors.end() && UidLess::view((*at)->uid) == wanted;
}

const SchemaEntityType* Schema::find_entity_type(std::string_view name) const noexcept {
  const auto found = entity_types_.find(name);
  return found == entity_types_.end() ? nullptr : &found->second;
}

const SchemaAction* Schema::find_action(std::string_view type, std::string_view id) const noexcept {
  const auto found = actions_.find(UidView{type, id});
  return found == actions_.end() ? nullptr : &found->second;
}

Parsed<SchemaPtr> resolve_schema(std::span<const SchemaFragment> fragments, std::string_view text) {
  return SchemaResolver(fragments, text).run();
}

Parsed<SchemaPtr> schema_from_text(std::string_view text) {
  const auto fragment = parse_schema_text(text);
  if (!fragment) return std::unexpected(fragment.error());
  return resolve_schema({&*fragment, 1}, text);
}

Parsed<SchemaPtr> schema_from_json(std::string_view text) {
  const auto fragment = parse_schema_json(text);
  if (!fragment) return std::unexpected(fragment.error());
  return resolve_schema({&*fragment, 1});
}

}  // namespace writ::cedar
