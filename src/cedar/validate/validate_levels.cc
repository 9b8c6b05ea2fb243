#include "cedar/validate/validate_levels.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::cedar {

void LevelChecker::run() {
  for (std::size_t i = 0; i < typed_.clauses; ++i) check(tree_.clauses()[i]);
}

bool LevelChecker::is_of(NodeId id, TypeKind kind) const {
  const auto& type = typed_.entries[id].type;
  return type && type->is(kind);
}

void LevelChecker::complain_of_literal(NodeId id) {
  report_(FindingKind::kLevel, node(id).span, "an entity literal may not be followed here",
          "levels count from the request; reach the entity from principal, resource or context");
}

void LevelChecker::check_target(NodeId access, NodeId target) {
  const std::uint32_t level = level_of(target, {});
  if (level < max_level_) return;
  report_(FindingKind::kLevel, node(access).span,
          fmt::format("this follows entities to level {}, the limit is {}", level + 1, max_level_), {});
}

void LevelChecker::check(NodeId id) {
  if (++steps_ > kMaxSteps) {
    report_(FindingKind::kTooComplex, node(id).span,
            "the levels of this policy are too complex to be checked", {});
    return;
  }
  const TreeNode& node = this->node(id);
  const TypedTree::Entry& entry = typed_.entries[id];
  switch (node.kind) {
    case ExprKind::kAnd:
    case ExprKind::kOr:
      for (std::size_t i = 0; i < std::min<std::size_t>(node.operands.size(), entry.operands); ++i)
        check(node.operands[i]);
      return;
    case ExprKind::kIf:
      check(node.operands[0]);
      if (entry.branch != TypedTree::Branch::kElse) check(node.operands[1]);
      if (entry.branch != TypedTree::Branch::kThen) check(node.operands[2]);
      return;
    case ExprKind::kHasTag:
    case ExprKind::kGetTag:
    case ExprKind::kIn:
      check_target(id, node.operands[0]);
      return check(node.operands[1]);
    case ExprKind::kHas:
    case ExprKind::kAttribute:
      if (is_of(node.operands[0], TypeKind::kEntity)) return check_target(id, node.operands[0]);
      return check(node.operands[0]);
    default:
      for (const NodeId operand : node.operands) check(operand);
  }
}

std::uint32_t LevelChecker::level_of_field(const TreeNode& record, std::vector<std::string_view> path) {
  std::uint32_t level = 0;
  const std::string_view wanted = path.empty() ? std::string_view() : path.back();
  if (!path.empty()) path.pop_back();
  for (std::size_t i = 0; i < record.operands.size(); ++i) {
    if (record.names[i] == wanted) {
      level = level_of(record.operands[i], path);
    } else {
      check(record.operands[i]);
    }
  }
  return level;
}

std::uint32_t LevelChecker::level_of(NodeId id, std::vector<std::string_view> path) {
  if (++steps_ > kMaxSteps) return max_level_;
  const TreeNode& node = this->node(id);
  switch (node.kind) {
    case ExprKind::kVariable:
      if (node.integer >= kPrincipalSlot) complain_of_literal(id);
      return 0;
    case ExprKind::kEntity:
      if (node.entity() != request_.action->uid) complain_of_literal(id);
      return 0;
    case ExprKind::kIf: {
      check(node.operands[0]);
      const auto branch = typed_.entries[id].branch;
      const auto yes = branch != TypedTree::Branch::kElse ? level_of(node.operands[1], path) : 0;
      const auto no = branch != TypedTree::Branch::kThen ? level_of(node.operands[2], path) : 0;
      return std::max(yes, no);
    }
    case ExprKind::kAttribute:
      if (is_of(node.operands[0], TypeKind::kRecord)) {
        path.push_back(node.text);
        return level_of(node.operands[0], std::move(path));
      }
      return level_of(node.operands[0], std::move(path)) + 1;
    case ExprKind::kGetTag: {
      const std::uint32_t level = level_of(node.operands[0], std::move(path));
      check(node.operands[1]);
      return level + 1;
    }
    case ExprKind::kRecord:
      return level_of_field(node, std::move(path));
    default:
      return 0;
  }
}

}  // namespace writ::cedar
