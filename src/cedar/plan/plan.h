// Plan: the compiled form of a policy set, for the evaluator only. Private to the cedar module.
//
// Every expression is a Node in one flat array, children before parents, addressed by index. A node is
// sixteen bytes; what it needs beside its children (constants, names, patterns) lies in side tables. `&&` and
// `||` chains are one node with a list of operands, so a long condition is not a deep one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/name_filter.h"
#include "cedar/compile.h"
#include "cedar/plan/scope_index.h"
#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::cedar {

enum class Op : std::uint8_t {
  kConstant,  // a: in constants
  kPrincipal,
  kAction,
  kResource,
  kContext,
  kAttribute,  // a: operand, b: in names
  kHas,        // a: operand, b: in names
  kHasPath,    // a: operand, names c .. c+b
  kNot,        // a
  kNegate,     // a
  kIsEmpty,    // a
  kAnd,        // operands a .. a+b
  kOr,         // operands a .. a+b
  kIf,         // a ? b : c
  kEqual,      // a, b; and so on for all operators with two operands
  kLess,
  kLessOrEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kIn,
  kContains,
  kContainsAll,
  kContainsAny,
  kHasTag,
  kGetTag,
  kLike,    // a: operand, b: in patterns
  kIs,      // a: operand, b: in names
  kIsIn,    // a: operand, b: in names, c: group
  kSet,     // operands a .. a+b
  kRecord,  // operands a .. a+b, with names c .. c+b
  kCall,    // operands a .. a+b; c: an ExtFunction
};

inline bool has_operand_list(Op op) noexcept {
  return op == Op::kAnd || op == Op::kOr || op == Op::kSet || op == Op::kRecord || op == Op::kCall;
}

struct Node {
  Op op;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
};

// Whether only a member of what stands below it is looked at.
inline bool looks_inside(Op op) noexcept {
  return op == Op::kAttribute || op == Op::kHas || op == Op::kHasPath;
}
// Of such a node, which names: the place of the first, and how many.
struct NameRange {
  std::uint32_t first, count;
};
inline NameRange members_named(const Node& node) noexcept {
  return node.op == Op::kHasPath ? NameRange{node.c, node.b} : NameRange{node.b, 1};
}

using NodeIndex = std::uint32_t;
constexpr NodeIndex kNoNode = UINT32_MAX;

// `a*b*c`: the pieces between the stars. One piece and no star is plain equality.
struct LikePattern {
  std::vector<std::string> pieces;  // never empty; n stars make n + 1 pieces, some of them empty

  bool matches(std::string_view text) const noexcept;
};

// A range of bytes in the text of a policy.
struct SourceRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

// What a policy is, apart from how it is evaluated.
struct PolicyFacts {
  std::string id;
  std::vector<std::pair<std::string, std::string>> annotations;
};

// That some `has` of a policy asks for an attribute of that name: of an entity, not of the context.
struct AskedName {
  std::string_view name;
  PolicyIndex policy;
  bool of_principal;  // `principal has name`

  friend auto operator<=>(const AskedName&, const AskedName&) = default;
};

struct Plan {
  // By policy.
  std::vector<PolicyScope> scopes;
  std::vector<bool> forbids;
  std::vector<NodeIndex> conditions;  // kNoNode when there is none
  std::vector<PolicyFacts> facts;

  std::vector<PolicyIndex> by_id;      // sorted by id
  std::vector<AskedName> asked_names;  // sorted
  NameFilter asked_of_others;          // of those that are not asked of `principal`
  ScopeIndex index;

  std::vector<Node> nodes;
  std::vector<SourceRange> ranges;  // by node
  std::vector<NodeIndex> operands;
  std::vector<Value> constants;
  std::vector<const Text*> names;
  std::vector<LikePattern> patterns;
  Arena arena{Arena::Symbols::kUnique};
};

}  // namespace writ::cedar
