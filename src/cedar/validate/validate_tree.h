// The expression tree the validator works on: a policy's conditions with every derived operator written out
// (`!=`, `>`, `has a.b`, `is T in g`), so that each rule of the typechecker stands alone. Private to the
// cedar module.
//
// Nodes may be shared. Two nodes have the same shape when they are the same expression, wherever they stand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/ast.h"

namespace writ::cedar {

using NodeId = std::uint32_t;

// The kinds are those of Expr, without kNotEqual, kGreater, kGreaterOrEqual and kIsIn. kVariable has two more
// values for the slots. kHas and kAttribute have their attribute in text. kRecord is sorted by its keys.
struct TreeNode {
  ExprKind kind;
  Span span;
  std::uint32_t shape = 0;
  std::int64_t integer = 0;
  std::string text = {};
  std::vector<std::string> names = {};
  std::vector<NodeId> operands = {};

  EntityUid entity() const { return {text, names[0]}; }
  bool is_literal() const noexcept {
    return kind == ExprKind::kBool || kind == ExprKind::kLong || kind == ExprKind::kString ||
           kind == ExprKind::kEntity;
  }
  bool is_action() const noexcept {
    return kind == ExprKind::kVariable && integer == static_cast<std::int64_t>(Variable::kAction);
  }
};

inline constexpr std::int64_t kPrincipalSlot = 4;
inline constexpr std::int64_t kResourceSlot = 5;

class ValidationTree {
 public:
  // Clauses: principal, action, resource, then the conditions; all must hold, from left to right.
  explicit ValidationTree(const Policy& policy);

  const std::vector<NodeId>& clauses() const noexcept { return clauses_; }
  const TreeNode& node(NodeId id) const noexcept { return nodes_[id]; }
  std::size_t size() const noexcept { return nodes_.size(); }
  // As a policy writes it, when it is a path such as `principal.owner`; otherwise empty.
  std::string path(NodeId id) const;

 private:
  NodeId add(TreeNode node);
  NodeId make(ExprKind kind, Span span, std::vector<NodeId> operands, std::string text = {});
  NodeId variable(std::int64_t which, Span span);
  NodeId entity(const EntityUid& uid, Span span);
  NodeId negation(NodeId operand, Span span) { return make(ExprKind::kNot, span, {operand}); }
  // `&&` and `||` associate to the left; two literals make one.
  NodeId chain(ExprKind kind, Span span, const std::vector<NodeId>& operands);
  NodeId scope(const ScopeTerm& term, Variable which);
  NodeId build(const Expr& expr);
  NodeId build_has(const Expr& expr);
  NodeId build_record(const Expr& expr);

  std::vector<TreeNode> nodes_;
  std::vector<NodeId> clauses_;
  std::map<std::string, std::uint32_t, std::less<>> shapes_;
};

}  // namespace writ::cedar
