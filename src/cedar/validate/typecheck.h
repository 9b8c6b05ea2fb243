// The typechecker: the type of every expression of one policy, for one combination of principal type, action
// and resource type. Private to the cedar module; cedar/validate.h is what others use.
//
// Capabilities are what is known to be present: after `e has a` holds, `e.a` is safe. They are kept per
// expression shape and travel along `&&`, `||` and `if`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/schema.h"
#include "cedar/validate.h"
#include "cedar/validate/validate_tree.h"
#include "cedar/value/extension.h"

namespace writ::cedar {

// The types of one request, and of what is put into a template's slots.
struct RequestTypes {
  const SchemaAction* action;
  std::string principal;
  std::string resource;
  std::optional<std::string> principal_slot = {};
  std::optional<std::string> resource_slot = {};
};

struct Capability {
  std::uint32_t on;    // the shape of the entity or record
  std::uint32_t what;  // the attribute; or the shape of the tag
  bool tag;
  friend auto operator<=>(const Capability&, const Capability&) = default;
};
using Capabilities = std::vector<Capability>;  // sorted, distinct

// Types are known even of wrong expressions, when they have but one: a comparison is a Bool.
struct Typed {
  bool ok = false;
  std::optional<Type> type = {};
  Capabilities capabilities = {};  // what is present when the expression is true
};

// Which operands of an expression were looked at, and the types that were found; for level validation.
struct TypedTree {
  enum class Branch : std::uint8_t { kBoth, kThen, kElse };
  struct Entry {
    std::optional<Type> type = {};
    std::uint32_t operands = UINT32_MAX;  // of `&&` and `||`: how many
    Branch branch = Branch::kBoth;
  };
  std::vector<Entry> entries;
  std::size_t clauses = 0;
};

class Typechecker {
 public:
  using Report = std::function<void(FindingKind, Span, std::string message, std::string help)>;

  Typechecker(const Schema& schema, ValidationMode mode, const ValidationTree& tree,
              const RequestTypes& request, const Report& report);

  // The type of the whole policy. Not `ok` when something is wrong, reported or about to be by another check.
  Typed run();
  bool too_complex() const noexcept { return steps_ > kMaxSteps; }
  const TypedTree& typed_tree() const noexcept { return typed_; }

 private:
  static constexpr std::size_t kMaxSteps = 2'000'000;

  enum class Want : std::uint8_t {
    kBool,
    kLong,
    kString,
    kEntity,
    kEntityOrRecord,
    kEntityOrEntities,
    kSet,
    kIp,
    kDecimal,
    kDatetime,
    kDuration,
  };

  void complain(FindingKind kind, Span span, std::string message, std::string help = {}) {
    report_(kind, span, std::move(message), std::move(help));
  }
  bool strict() const noexcept { return mode_ == ValidationMode::kStrict; }
  const TreeNode& node(NodeId id) const noexcept { return tree_.node(id); }
  std::uint32_t attribute_id(std::string_view name);

  Typed check(NodeId id, const Capabilities& prior);
  Typed check_node(NodeId id, const Capabilities& prior);
  Typed check_operator(NodeId id, const Capabilities& prior);
  // As check(); another type than the wanted one is reported and forgotten.
  Typed expect(NodeId id, const Capabilities& prior, Want want);
  static bool accepts(Want want, const Type& type);
  void complain_of_type(NodeId id, const std::string& wanted, const Type& actual, std::string help);

  Typed check_variable(const TreeNode& node) const;
  Typed check_entity(const TreeNode& node) const;
  Typed check_if(NodeId id, const Capabilities& prior);
  Typed check_chain(NodeId id, const Capabilities& prior);
  Typed join_and(Typed left, Typed right) const;
  Typed join_or(Typed left, Typed right) const;
  Typed check_not(const TreeNode& node, const Capabilities& prior);
  Typed check_attribute(NodeId id, const Capabilities& prior);
  Typed check_has(const TreeNode& node, const Capabilities& prior);
  Typed check_is(const TreeNode& node, const Capabilities& prior);
  Typed check_set(const TreeNode& node, const Capabilities& prior);
  Typed check_record(const TreeNode& node, const Capabilities& prior);
  Typed check_equal(const TreeNode& node, const Capabilities& prior);
  Typed check_comparison(const TreeNode& node, const Capabilities& prior);
  Typed check_arithmetic(const TreeNode& node, const Capabilities& prior);
  Typed check_in(const TreeNode& node, const Capabilities& prior);
  Typed check_contains(const TreeNode& node, const Capabilities& prior);
  Typed check_tag(const TreeNode& node, const Capabilities& prior);
  Typed get_tag(const TreeNode& node, const Type& entity, bool known);
  Typed check_call(const TreeNode& node, const Capabilities& prior);
  bool check_arguments(const TreeNode& node, ExtFunction function, std::size_t expected);

  // Strict mode: the two must have a type in common. Answers whether it is so, and reports.
  bool same_types(Span span, const std::optional<Type>& a, const std::optional<Type>& b,
                  std::string_view what);
  std::optional<Type> common_type(Span span, const std::vector<Typed>& typed, std::string_view what);
  Type type_of_equality(const TreeNode& left, const Typed& a, const TreeNode& right, const Typed& b) const;
  std::optional<EntityUid> literal_entity(NodeId id) const;
  // Of an entity literal, or of a set of them; empty when it is something else.
  std::optional<std::vector<EntityUid>> literal_entities(NodeId id) const;
  Typed type_of_action_in(const EntityUid& action, const std::vector<EntityUid>& groups) const;
  bool may_be_in(const EntityTypeNames& types, const EntityTypeNames& groups) const;
  std::optional<AttributeType> attribute_of(const Type& type, std::string_view name) const;
  bool may_have(const Type& type, std::string_view name) const;
  std::vector<Type> tag_types(const Type& entity) const;
  std::string shown(NodeId id, const Type& type) const;
  void complain_of_attribute(NodeId id, const Type& type);

  const Schema& schema_;
  ValidationMode mode_;
  const ValidationTree& tree_;
  const RequestTypes& request_;
  const Report& report_;
  std::map<std::string, std::uint32_t, std::less<>> attributes_;
  TypedTree typed_;
  std::size_t steps_ = 0;
};

// The known word that is most like this one; empty when none is.
std::string nearest_word(std::string_view word, const std::vector<std::string_view>& known);
// `did you mean ...?`, or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace writ::cedar
