// PlanBuilder: makes a Plan node by node. It knows no syntax; compile.cc reads the syntax tree and calls it.
// Private to the cedar module.
//
// Nodes are made children first, and every node is used by one parent. While it builds it shares equal
// constants, names and patterns, joins `&&` and `||` chains, and folds what is constant: an expression of
// constants that evaluates becomes its value; one that would fail stays, because failing is what it means.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cedar/compile.h"
#include "cedar/parse.h"
#include "cedar/plan/plan.h"
#include "cedar/value/extension.h"

namespace writ::cedar {

class PlanBuilder {
 public:
  // The evaluator recurses as deep as an expression is nested; `&&` and `||` chains count once. What parses
  // is at most twice as deep here (`a != b` is `!(a == b)`), with an `unless` and the conjunction around it.
  static constexpr std::uint32_t kMaxDepth = 2 * kMaxNesting + 2;

  PlanBuilder();

  // Values and names of the plan live here.
  Arena& arena() noexcept { return plan_->arena; }

  // Where the nodes made from now on come from.
  void set_range(SourceRange range) noexcept { range_ = range; }

  NodeIndex constant(Value value);
  NodeIndex variable(Op op);
  NodeIndex unary(Op op, NodeIndex operand);
  NodeIndex binary(Op op, NodeIndex left, NodeIndex right);
  // kAnd or kOr of at least one operand. Operands that are such chains themselves are joined in.
  NodeIndex chain(Op op, std::span<const NodeIndex> operands);
  NodeIndex condition(NodeIndex test, NodeIndex then, NodeIndex otherwise);
  // kAttribute, kHas or kIs.
  NodeIndex named(Op op, NodeIndex operand, std::string_view name);
  // `operand is type in group`.
  NodeIndex is_in(NodeIndex operand, std::string_view type, NodeIndex group);
  // `operand has a.b.c`, at least one name.
  NodeIndex has_path(NodeIndex operand, std::span<const std::string_view> path);
  NodeIndex like(NodeIndex operand, LikePattern pattern);
  NodeIndex set(std::span<const NodeIndex> elements);
  // The names are distinct.
  NodeIndex record(std::span<const std::pair<std::string_view, NodeIndex>> fields);
  NodeIndex call(ExtFunction function, std::span<const NodeIndex> arguments);

  // kNoNode as condition: none. Constraints refer to names of arena().
  void add_policy(PolicyFacts facts, bool forbids, PolicyScope scope, NodeIndex condition);
  const Uid* const* uid_list(std::span<const EntityRef> uids);

  // Fails with kConflict when two policies have one id, with kLimit when an expression is nested too deeply;
  // both name the policy.
  Result<std::shared_ptr<const CompiledPolicySet>> finish() &&;

 private:
  NodeIndex add(Node node);
  std::uint32_t depth_of(const Node& node) const;
  bool is_constant(NodeIndex at) const { return plan_->nodes[at].op == Op::kConstant; }
  const Value& constant_of(NodeIndex at) const { return plan_->constants[plan_->nodes[at].a]; }
  // The node as it is, or the constant it evaluates to.
  NodeIndex fold(NodeIndex at);
  void drop(NodeIndex at, const Node& node);
  void note_asked_names(PolicyIndex policy);
  bool operands_are_constant(const Node& node) const;
  std::uint32_t add_operands(std::span<const NodeIndex> operands);
  std::uint32_t name(std::string_view text);

  std::unique_ptr<Plan> plan_;
  std::vector<std::uint32_t> depths_;  // by node
  NodeIndex noted_ = 0;                // nodes before it are noted in asked_names
  std::uint32_t deepest_ = 0;
  std::string too_deep_;  // the first policy that is
  SourceRange range_;
  Arena scratch_;
  std::unordered_map<const Text*, std::uint32_t> names_;
  std::unordered_map<const Text*, std::uint32_t> string_constants_;
  std::unordered_map<const Uid*, std::uint32_t> entity_constants_;
};

}  // namespace writ::cedar
