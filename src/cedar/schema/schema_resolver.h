// From schema fragments to the checked Schema (cedar/schema.h); private to the cedar module.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/schema.h"
#include "cedar/schema_syntax.h"

namespace writ::cedar {

class SchemaResolver {
 public:
  SchemaResolver(std::span<const SchemaFragment> fragments, std::string_view text)
      : fragments_(fragments), text_(text) {}

  Parsed<SchemaPtr> run();

 private:
  enum class State { kNew, kOpen, kDone };
  struct CommonType {
    const CommonTypeDecl* decl = nullptr;  // null for a built-in type
    std::string space = {};
    State state = State::kNew;
    std::optional<Type> type = {};
  };
  // Where a reference stands: its namespace, and words for a message.
  struct Place {
    std::string_view space;
    std::string where;
  };
  enum class Refers { kEntity, kCommon, kEither };

  void complain(const std::string& where, Span span, std::string message, std::string help = {});

  // 1. What is declared.
  void collect();
  void collect(const NamespaceDecl& space);
  void check_shadowing();
  void add_builtin_types();

  // 2. What the references mean. Whatever cannot be resolved is an issue and empty.
  std::optional<std::string> resolve_name(const Place& place, const std::string& name, Span span,
                                          Refers refers);
  std::optional<Type> resolve_type(const Place& place, const TypeDecl& decl);
  std::optional<Type> resolve_record(const Place& place, const TypeDecl& decl);
  std::optional<Type> resolve_common(const Place& place, const std::string& name, Span span);
  Type record_of(const Place& place, const TypeDecl& decl);
  // As resolve_type(); a type that is too large is refused.
  std::optional<Type> resolve_sized(const Place& place, const TypeDecl& decl);
  void resolve(const NamespaceDecl& space);
  void resolve_entity_type(const NamespaceDecl& space, const EntityTypeDecl& decl);
  void resolve_action(const NamespaceDecl& space, const ActionDecl& decl);
  std::vector<std::string> entity_types_of(const Place& place, const std::vector<TypeName>& names);
  std::optional<EntityUid> resolve_action_name(const Place& place, const ActionName& name);

  // 3. The hierarchies.
  void close_hierarchies();

  std::span<const SchemaFragment> fragments_;
  std::string_view text_;
  std::vector<Issue> issues_;

  std::map<std::string, CommonType, std::less<>> commons_;
  std::set<std::string, std::less<>> entities_;  // and the action types
  std::size_t depth_ = 0;
  std::shared_ptr<Schema> schema_;
  std::map<const SchemaEntityType*, std::vector<const SchemaEntityType*>> entity_parents_;
  std::map<const SchemaAction*, std::vector<const SchemaAction*>> action_parents_;
};

}  // namespace writ::cedar
