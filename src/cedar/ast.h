// The syntax tree of Cedar policies, as written: what the parser makes, and what the compiler, the validator,
// the printer and the linter read.
//
// Plain values, each with the place it came from. `&&` and `||` chains are one node with many operands, so a
// long condition is not a deep one; everything else nests at most kMaxNesting levels (cedar/parse.h), so a
// recursive function over the tree is safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace writ::cedar {

// A range of bytes in the source text.
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  friend bool operator==(Span, Span) = default;
};

// `Billing::Invoice::"17"`, unescaped.
struct EntityUid {
  std::string type;
  std::string id;
  friend bool operator==(const EntityUid&, const EntityUid&) = default;
  friend auto operator<=>(const EntityUid&, const EntityUid&) = default;
};

// Whether entities of this type are actions: `Action`, or a name that ends with `::Action`.
bool is_action_type(std::string_view type) noexcept;

enum class Variable : std::uint8_t { kPrincipal, kAction, kResource, kContext };
std::string_view variable_name(Variable variable) noexcept;

enum class ExprKind : std::uint8_t {
  kBool,      // integer: 0 or 1
  kLong,      // integer
  kString,    // text
  kEntity,    // text: type, names[0]: id
  kVariable,  // integer: a Variable
  kNot,
  kNegate,
  kAnd,  // two or more operands
  kOr,   // two or more operands
  kIf,   // three operands
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kIn,
  kContains,
  kContainsAll,
  kContainsAny,
  kIsEmpty,
  kHasTag,
  kGetTag,
  kAttribute,  // text: the attribute
  kHas,        // names: the path, one or more; of several each is_plain_attribute()
  kLike,       // names: the pieces between the stars; n stars make n + 1 pieces
  kIs,         // text: the entity type
  kIsIn,       // text: the entity type; the second operand is the group
  kSet,
  kRecord,  // names: the keys, one for each operand, distinct
  kCall,    // text: an extension function; a method's receiver is the first operand
};

struct Expr {
  ExprKind kind;
  Span span;
  std::int64_t integer = 0;
  std::string text = {};
  std::vector<std::string> names = {};
  std::vector<Expr> operands = {};

  Variable variable() const { return static_cast<Variable>(integer); }
  EntityUid entity() const { return {text, names[0]}; }
  // The same expression, wherever it was written.
  friend bool operator==(const Expr& a, const Expr& b) {
    return a.kind == b.kind && a.integer == b.integer && a.text == b.text && a.names == b.names &&
           a.operands == b.operands;
  }
};

enum class Effect : std::uint8_t { kPermit, kForbid };

// What the scope says of the principal, the action or the resource.
struct ScopeTerm {
  enum class Rule : std::uint8_t {
    kAny,
    kEqual,  // one entity, or the slot
    kIn,     // one entity, or the slot
    kIs,     // type
    kIsIn,   // type, and one entity or the slot
    kInAny,  // any number of entities (actions only)
  };
  Rule rule = Rule::kAny;
  bool slot = false;  // `?principal` or `?resource` stands where the entity would
  std::string type;
  std::vector<EntityUid> entities;
  Span span;

  friend bool operator==(const ScopeTerm& a, const ScopeTerm& b) {
    return a.rule == b.rule && a.slot == b.slot && a.type == b.type && a.entities == b.entities;
  }
};

struct Annotation {
  std::string name;
  std::optional<std::string> value;  // absent in `@name`, which means the same as `@name("")`
  Span span;
  friend bool operator==(const Annotation& a, const Annotation& b) {
    return a.name == b.name && a.value.value_or("") == b.value.value_or("");
  }
};

struct Condition {
  bool unless = false;
  Expr body;
  Span span;
  friend bool operator==(const Condition& a, const Condition& b) {
    return a.unless == b.unless && a.body == b.body;
  }
};

// A policy, or a template when a slot stands in its scope.
struct Policy {
  std::string id;  // policy0, policy1, ... by position, unless the caller names it
  Effect effect = Effect::kForbid;
  std::vector<Annotation> annotations;
  ScopeTerm principal;
  ScopeTerm action;
  ScopeTerm resource;
  std::vector<Condition> conditions;
  Span span;

  bool is_template() const noexcept { return principal.slot || resource.slot; }
  // The value of an annotation ("" when it has none); null when there is no such annotation.
  const Annotation* annotation(std::string_view name) const noexcept;
  // The same policy, whatever its id and wherever it was written.
  bool same_as(const Policy& other) const {
    return effect == other.effect && annotations == other.annotations && principal == other.principal &&
           action == other.action && resource == other.resource && conditions == other.conditions;
  }
};

// A template with entities put into its slots.
struct TemplateLink {
  std::string template_id;
  std::string id;
  std::optional<EntityUid> principal;
  std::optional<EntityUid> resource;
};

// Templates alone decide nothing; their links do. Ids are unique over all three lists.
struct PolicySet {
  std::vector<Policy> policies;
  std::vector<Policy> templates;
  std::vector<TemplateLink> links;
};

}  // namespace writ::cedar
