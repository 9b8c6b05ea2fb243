#include "cedar/validate/validate_tree.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "cedar/parse.h"
#include "cedar/symbols.h"

namespace writ::cedar {
namespace {

void append_number(std::string& key, std::uint64_t number) {
  std::array<char, sizeof number> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  key.append(bytes.data(), bytes.size());
}

void append_text(std::string& key, std::string_view text) {
  append_number(key, text.size());
  key += text;
}

}  // namespace

ValidationTree::ValidationTree(const Policy& policy) {
  clauses_.push_back(scope(policy.principal, Variable::kPrincipal));
  clauses_.push_back(scope(policy.action, Variable::kAction));
  clauses_.push_back(scope(policy.resource, Variable::kResource));
  for (const Condition& condition : policy.conditions) {
    const NodeId body = build(condition.body);
    clauses_.push_back(condition.unless ? negation(body, condition.body.span) : body);
  }
}

NodeId ValidationTree::add(TreeNode node) {
  std::string key;
  key.reserve(64);
  key += static_cast<char>(node.kind);
  append_number(key, static_cast<std::uint64_t>(node.integer));
  append_text(key, node.text);
  for (const std::string& name : node.names) append_text(key, name);
  for (const NodeId operand : node.operands) append_number(key, nodes_[operand].shape);
  node.shape = shapes_.emplace(std::move(key), static_cast<std::uint32_t>(shapes_.size())).first->second;
  nodes_.push_back(std::move(node));
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId ValidationTree::make(ExprKind kind, Span span, std::vector<NodeId> operands, std::string text) {
  TreeNode node{kind, span};
  node.text = std::move(text);
  node.operands = std::move(operands);
  return add(std::move(node));
}

NodeId ValidationTree::variable(std::int64_t which, Span span) {
  TreeNode node{ExprKind::kVariable, span};
  node.integer = which;
  return add(std::move(node));
}

NodeId ValidationTree::entity(const EntityUid& uid, Span span) {
  TreeNode node{ExprKind::kEntity, span};
  node.text = uid.type;
  node.names.push_back(uid.id);
  return add(std::move(node));
}

NodeId ValidationTree::chain(ExprKind kind, Span span, const std::vector<NodeId>& operands) {
  const bool is_and = kind == ExprKind::kAnd;
  std::vector<NodeId> all;
  const TreeNode& first = nodes_[operands.front()];
  if (first.kind == kind) {
    all = first.operands;
  } else {
    all.push_back(operands.front());
  }
  for (std::size_t i = 1; i < operands.size(); ++i) {
    const TreeNode& left = nodes_[all.front()];
    const TreeNode& right = nodes_[operands[i]];
    if (all.size() == 1 && left.kind == ExprKind::kBool && right.kind == ExprKind::kBool) {
      TreeNode folded{ExprKind::kBool, span};
      const bool a = left.integer != 0;
      const bool b = right.integer != 0;
      folded.integer = (is_and ? a && b : a || b) ? 1 : 0;
      all.front() = add(std::move(folded));
    } else {
      all.push_back(operands[i]);
    }
  }
  return all.size() == 1 ? all.front() : make(kind, span, std::move(all));
}

NodeId ValidationTree::scope(const ScopeTerm& term, Variable which) {
  using Rule = ScopeTerm::Rule;
  const auto self = [&] { return variable(static_cast<std::int64_t>(which), term.span); };
  const auto other = [&] {
    if (term.slot) return variable(which == Variable::kPrincipal ? kPrincipalSlot : kResourceSlot, term.span);
    return entity(term.entities.at(0), term.span);
  };
  const auto list = [&] {
    std::vector<NodeId> entities;
    for (const EntityUid& uid : term.entities) entities.push_back(entity(uid, term.span));
    return make(ExprKind::kSet, term.span, std::move(entities));
  };
  switch (term.rule) {
    case Rule::kAny: {
      TreeNode yes{ExprKind::kBool, term.span};
      yes.integer = 1;
      return add(std::move(yes));
    }
    case Rule::kEqual:
      return make(ExprKind::kEqual, term.span, {self(), other()});
    case Rule::kIn:
      return make(ExprKind::kIn, term.span, {self(), which == Variable::kAction ? list() : other()});
    case Rule::kInAny:
      return make(ExprKind::kIn, term.span, {self(), list()});
    case Rule::kIs:
      return make(ExprKind::kIs, term.span, {self()}, term.type);
    case Rule::kIsIn:
      break;
  }
  const NodeId is = make(ExprKind::kIs, term.span, {self()}, term.type);
  return make(ExprKind::kAnd, term.span, {is, make(ExprKind::kIn, term.span, {self(), other()})});
}

NodeId ValidationTree::build_has(const Expr& expr) {
  NodeId target = build(expr.operands[0]);
  std::vector<NodeId> tests;
  for (const std::string& attribute : expr.names) {
    tests.push_back(make(ExprKind::kHas, expr.span, {target}, attribute));
    target = make(ExprKind::kAttribute, expr.span, {target}, attribute);
  }
  return tests.size() == 1 ? tests.front() : make(ExprKind::kAnd, expr.span, std::move(tests));
}

NodeId ValidationTree::build_record(const Expr& expr) {
  std::vector<std::pair<std::string, NodeId>> fields;
  for (std::size_t i = 0; i < expr.names.size(); ++i)
    fields.emplace_back(expr.names[i], build(expr.operands[i]));
  std::sort(fields.begin(), fields.end());
  TreeNode node{ExprKind::kRecord, expr.span};
  for (auto& [name, value] : fields) {
    node.names.push_back(std::move(name));
    node.operands.push_back(value);
  }
  return add(std::move(node));
}

NodeId ValidationTree::build(const Expr& expr) {
  if (expr.kind == ExprKind::kHas) return build_has(expr);
  if (expr.kind == ExprKind::kRecord) return build_record(expr);
  std::vector<NodeId> operands;
  for (const Expr& operand : expr.operands) operands.push_back(build(operand));
  switch (expr.kind) {
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return chain(expr.kind, expr.span, operands);
    case ExprKind::kNotEqual:
      return negation(make(ExprKind::kEqual, expr.span, std::move(operands)), expr.span);
    case ExprKind::kGreater:
      return negation(make(ExprKind::kLessOrEqual, expr.span, std::move(operands)), expr.span);
    case ExprKind::kGreaterOrEqual:
      return negation(make(ExprKind::kLess, expr.span, std::move(operands)), expr.span);
    case ExprKind::kIsIn: {
      const NodeId is = make(ExprKind::kIs, expr.span, {operands[0]}, expr.text);
      return make(ExprKind::kAnd, expr.span, {is, make(ExprKind::kIn, expr.span, std::move(operands))});
    }
    default: {
      TreeNode node{expr.kind, expr.span};
      node.integer = expr.integer;
      node.text = expr.text;
      node.names = expr.names;
      node.operands = std::move(operands);
      return add(std::move(node));
    }
  }
}

std::string ValidationTree::path(NodeId id) const {
  std::vector<std::string_view> steps;
  while (nodes_[id].kind == ExprKind::kAttribute) {
    steps.push_back(nodes_[id].text);
    id = nodes_[id].operands[0];
  }
  const TreeNode& root = nodes_[id];
  if (root.kind != ExprKind::kVariable || root.integer >= kPrincipalSlot) return {};
  std::string out(variable_name(static_cast<Variable>(root.integer)));
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (is_plain_attribute(*step)) {
      out.append(".").append(*step);
    } else {
      out += "[\"";
      append_escaped(out, *step);
      out += "\"]";
    }
  }
  return out;
}

}  // namespace writ::cedar
