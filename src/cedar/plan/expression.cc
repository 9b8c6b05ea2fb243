#include "cedar/plan/expression.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

Expr make(ExprKind kind, std::vector<Expr> operands = {}) {
  Expr expr{kind, {}};
  expr.operands = std::move(operands);
  return expr;
}

Expr named(ExprKind kind, std::vector<Expr> operands, std::string_view name) {
  Expr expr = make(kind, std::move(operands));
  expr.text = name;
  return expr;
}

Expr integer(ExprKind kind, std::int64_t value) {
  Expr expr = make(kind);
  expr.integer = value;
  return expr;
}

Expr call(std::string_view function, Expr argument) {
  std::vector<Expr> operands;
  operands.push_back(std::move(argument));
  return named(ExprKind::kCall, std::move(operands), function);
}

Expr call(std::string_view function, std::string_view argument) {
  return call(function, named(ExprKind::kString, {}, argument));
}

Expr datetime(Datetime value) {
  const std::string text = value.to_string();
  if (!text.ends_with("ms")) return call("datetime", text);
  // No literal reaches this far from the epoch.
  Expr moved = call("offset", call("datetime", "1970-01-01"));
  moved.operands.push_back(call("duration", text));
  return moved;
}

ExprKind kind_of(Op op) {
  switch (op) {
    case Op::kNot:
      return ExprKind::kNot;
    case Op::kNegate:
      return ExprKind::kNegate;
    case Op::kIsEmpty:
      return ExprKind::kIsEmpty;
    case Op::kAnd:
      return ExprKind::kAnd;
    case Op::kOr:
      return ExprKind::kOr;
    case Op::kIf:
      return ExprKind::kIf;
    case Op::kEqual:
      return ExprKind::kEqual;
    case Op::kLess:
      return ExprKind::kLess;
    case Op::kLessOrEqual:
      return ExprKind::kLessOrEqual;
    case Op::kAdd:
      return ExprKind::kAdd;
    case Op::kSubtract:
      return ExprKind::kSubtract;
    case Op::kMultiply:
      return ExprKind::kMultiply;
    case Op::kIn:
      return ExprKind::kIn;
    case Op::kContains:
      return ExprKind::kContains;
    case Op::kContainsAll:
      return ExprKind::kContainsAll;
    case Op::kContainsAny:
      return ExprKind::kContainsAny;
    case Op::kHasTag:
      return ExprKind::kHasTag;
    case Op::kGetTag:
      return ExprKind::kGetTag;
    default:
      WRIT_CHECK(op == Op::kSet);
      return ExprKind::kSet;
  }
}

// The compiler knows `!=`, `>` and `>=` only as negations; people know them by their names.
Expr negation(Expr operand) {
  switch (operand.kind) {
    case ExprKind::kEqual:
      operand.kind = ExprKind::kNotEqual;
      return operand;
    case ExprKind::kLess:
      operand.kind = ExprKind::kGreaterOrEqual;
      return operand;
    case ExprKind::kLessOrEqual:
      operand.kind = ExprKind::kGreater;
      return operand;
    default: {
      std::vector<Expr> operands;
      operands.push_back(std::move(operand));
      return make(ExprKind::kNot, std::move(operands));
    }
  }
}

}  // namespace

Expr value_expression(Value value) {
  switch (value.kind()) {
    case Kind::kBool:
      return integer(ExprKind::kBool, value.as_bool() ? 1 : 0);
    case Kind::kLong:
      return integer(ExprKind::kLong, value.as_long());
    case Kind::kString:
      return named(ExprKind::kString, {}, value.as_string());
    case Kind::kEntity: {
      Expr entity = named(ExprKind::kEntity, {}, value.as_entity().type());
      entity.names.emplace_back(value.as_entity().id());
      return entity;
    }
    case Kind::kSet: {
      // A set is kept in an order of this process. What is shown has one that every process finds.
      std::vector<std::pair<std::string, Value>> elements;
      for (const Value element : value.as_set()) elements.emplace_back(element.to_string(), element);
      std::ranges::sort(elements, {}, &std::pair<std::string, Value>::first);
      Expr set = make(ExprKind::kSet);
      for (const auto& [text, element] : elements) set.operands.push_back(value_expression(element));
      return set;
    }
    case Kind::kRecord: {
      std::map<std::string_view, Value> fields;
      for (const RecordNode::Field& field : value.as_record())
        fields.emplace(field.name->view(), field.value);
      Expr record = make(ExprKind::kRecord);
      for (const auto& [name, field] : fields) {
        record.names.emplace_back(name);
        record.operands.push_back(value_expression(field));
      }
      return record;
    }
    case Kind::kIp:
      return call("ip", value.as_ip().to_string());
    case Kind::kDecimal:
      return call("decimal", value.as_decimal().to_string());
    case Kind::kDatetime:
      return datetime(value.as_datetime());
    case Kind::kDuration:
      return call("duration", value.as_duration().to_string());
  }
  return make(ExprKind::kBool);
}

std::vector<NodeIndex> operands_of(const Plan& plan, NodeIndex at) {
  const Node& node = plan.nodes[at];
  if (has_operand_list(node.op)) {
    const auto first = plan.operands.begin() + node.a;
    return {first, first + node.b};
  }
  switch (node.op) {
    case Op::kConstant:
    case Op::kPrincipal:
    case Op::kAction:
    case Op::kResource:
    case Op::kContext:
      return {};
    case Op::kIf:
      return {node.a, node.b, node.c};
    case Op::kIsIn:
      return {node.a, node.c};
    case Op::kAttribute:
    case Op::kHas:
    case Op::kHasPath:
    case Op::kNot:
    case Op::kNegate:
    case Op::kIsEmpty:
    case Op::kLike:
    case Op::kIs:
      return {node.a};
    default:
      return {node.a, node.b};
  }
}

Expr node_expression(const Plan& plan, NodeIndex at, std::vector<Expr> operands) {
  const Node& node = plan.nodes[at];
  const auto name = [&](std::uint32_t index) { return plan.names[index]->view(); };
  switch (node.op) {
    case Op::kConstant:
      return value_expression(plan.constants[node.a]);
    case Op::kPrincipal:
      return integer(ExprKind::kVariable, static_cast<std::int64_t>(Variable::kPrincipal));
    case Op::kAction:
      return integer(ExprKind::kVariable, static_cast<std::int64_t>(Variable::kAction));
    case Op::kResource:
      return integer(ExprKind::kVariable, static_cast<std::int64_t>(Variable::kResource));
    case Op::kContext:
      return integer(ExprKind::kVariable, static_cast<std::int64_t>(Variable::kContext));
    case Op::kAttribute:
      return named(ExprKind::kAttribute, std::move(operands), name(node.b));
    case Op::kHas:
    case Op::kHasPath: {
      Expr has = make(ExprKind::kHas, std::move(operands));
      const auto [first, count] = members_named(node);
      for (std::uint32_t i = 0; i < count; ++i) has.names.emplace_back(name(first + i));
      return has;
    }
    case Op::kNot:
      return negation(std::move(operands[0]));
    case Op::kLike: {
      Expr like = make(ExprKind::kLike, std::move(operands));
      like.names = plan.patterns[node.b].pieces;
      return like;
    }
    case Op::kIs:
      return named(ExprKind::kIs, std::move(operands), name(node.b));
    case Op::kIsIn:
      return named(ExprKind::kIsIn, std::move(operands), name(node.b));
    case Op::kRecord: {
      Expr record = make(ExprKind::kRecord, std::move(operands));
      for (std::uint32_t i = 0; i < node.b; ++i) record.names.emplace_back(name(node.c + i));
      return record;
    }
    case Op::kCall:
      return named(ExprKind::kCall, std::move(operands),
                   extension_function_name(static_cast<ExtFunction>(node.c)));
    default:
      return make(kind_of(node.op), std::move(operands));
  }
}

Expr plan_expression(const Plan& plan, NodeIndex at) {
  std::vector<Expr> operands;
  for (const NodeIndex operand : operands_of(plan, at)) operands.push_back(plan_expression(plan, operand));
  return node_expression(plan, at, std::move(operands));
}

ScopeTerm scope_term(const ScopeConstraint& constraint) {
  static constexpr ScopeTerm::Rule kRules[] = {ScopeTerm::Rule::kAny,  ScopeTerm::Rule::kEqual,
                                               ScopeTerm::Rule::kIn,   ScopeTerm::Rule::kIs,
                                               ScopeTerm::Rule::kIsIn, ScopeTerm::Rule::kInAny};
  ScopeTerm term{
      .rule = kRules[static_cast<std::size_t>(constraint.rule)], .type = {}, .entities = {}, .span = {}};
  if (constraint.type != nullptr) term.type = constraint.type->view();
  for (const Uid* uid : std::span(constraint.uids, constraint.uid_count))
    term.entities.push_back({std::string(uid->type->view()), std::string(uid->id->view())});
  return term;
}

}  // namespace writ::cedar
