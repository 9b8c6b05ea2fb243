#include "posture/scope.h"

#include <algorithm>

namespace writ::posture {
namespace {

using cedar::Expr;
using cedar::ExprKind;
using cedar::Policy;
using cedar::ScopeTerm;
using Rule = ScopeTerm::Rule;

bool mentions(const Expr& expression, cedar::Variable variable) {
  if (expression.kind == ExprKind::kVariable && expression.variable() == variable) return true;
  return std::ranges::any_of(expression.operands, [&](const Expr& each) { return mentions(each, variable); });
}

// Whether it is true of some only; `holds`: or, when false, whether it is false of some only.
bool narrows(const Expr& expression, cedar::Variable variable, bool holds) {
  const auto operand = [&](const Expr& each) { return narrows(each, variable, holds); };
  switch (expression.kind) {
    case ExprKind::kNot:
      return narrows(expression.operands[0], variable, !holds);
    case ExprKind::kAnd:
      return holds ? std::ranges::any_of(expression.operands, operand)
                   : std::ranges::all_of(expression.operands, operand);
    case ExprKind::kOr:
      return holds ? std::ranges::all_of(expression.operands, operand)
                   : std::ranges::any_of(expression.operands, operand);
    case ExprKind::kIf:
      return mentions(expression.operands[0], variable) ||
             (narrows(expression.operands[1], variable, holds) &&
              narrows(expression.operands[2], variable, holds));
    // What has an attribute is not one of a few.
    case ExprKind::kHas:
    case ExprKind::kHasTag:
      return false;
    case ExprKind::kNotEqual:
      return !holds && mentions(expression, variable);
    case ExprKind::kEqual:
    case ExprKind::kIn:
      return holds && mentions(expression, variable) && !(expression.operands[0] == expression.operands[1]);
    // Of an order both sides are some of all.
    case ExprKind::kLess:
    case ExprKind::kLessOrEqual:
    case ExprKind::kGreater:
    case ExprKind::kGreaterOrEqual:
      return mentions(expression, variable);
    case ExprKind::kLike:
      return holds && mentions(expression, variable) &&
             !std::ranges::all_of(expression.names, &std::string::empty);
    default:
      return holds && mentions(expression, variable);
  }
}

// Nothing of it is true without the attribute.
bool expression_requires(const Expr& expression, std::string_view name) {
  const auto operand = [&](const Expr& each) { return expression_requires(each, name); };
  switch (expression.kind) {
    case ExprKind::kHas:
      return expression.operands[0].kind == ExprKind::kVariable &&
             expression.operands[0].variable() == cedar::Variable::kContext && expression.names[0] == name;
    case ExprKind::kAnd:
      return std::ranges::any_of(expression.operands, operand);
    case ExprKind::kOr:
      return std::ranges::all_of(expression.operands, operand);
    default:
      return false;
  }
}

// True whenever the attribute is not there.
bool holds_without(const Expr& expression, std::string_view name) {
  const auto operand = [&](const Expr& each) { return holds_without(each, name); };
  switch (expression.kind) {
    case ExprKind::kNot:
      return expression_requires(expression.operands[0], name);
    case ExprKind::kAnd:
      return std::ranges::all_of(expression.operands, operand);
    case ExprKind::kOr:
      // What stands behind an operand that holds is not looked at.
      return operand(expression.operands[0]);
    case ExprKind::kBool:
      return expression.integer != 0;
    default:
      return false;
  }
}

bool covers_term(const ScopeTerm& wide, const ScopeTerm& narrow) {
  if (wide.rule == Rule::kAny || wide == narrow) return true;
  if (wide.rule == Rule::kIs) return narrow.rule != Rule::kAny && narrow.type == wide.type;
  const bool names = (wide.rule == Rule::kEqual || wide.rule == Rule::kInAny) && !wide.slot &&
                     (narrow.rule == Rule::kEqual || narrow.rule == Rule::kInAny) && !narrow.slot;
  return names && std::ranges::all_of(narrow.entities, [&](const cedar::EntityUid& each) {
           return std::ranges::find(wide.entities, each) != wide.entities.end();
         });
}

}  // namespace

bool is_open(const Policy& policy, const ScopeTerm& term, cedar::Variable variable) {
  return term.rule == Rule::kAny && !term.slot &&
         std::ranges::none_of(policy.conditions, [&](const cedar::Condition& each) {
           return narrows(each.body, variable, !each.unless);
         });
}

bool requires_has(const Policy& policy, std::string_view name) {
  return std::ranges::any_of(policy.conditions, [&](const cedar::Condition& each) {
    return !each.unless && expression_requires(each.body, name);
  });
}

bool never_holds(const Policy& policy) {
  return std::ranges::any_of(policy.conditions, [](const cedar::Condition& each) {
    return each.body.kind == ExprKind::kBool && (each.body.integer != 0) == each.unless;
  });
}

bool forbids_without_task(const Policy& policy) {
  return policy.effect == cedar::Effect::kForbid &&
         std::ranges::all_of(policy.conditions, [](const cedar::Condition& each) {
           return each.unless ? expression_requires(each.body, "task") : holds_without(each.body, "task");
         });
}

bool covers(const Policy& forbid, const Policy& permit) {
  return covers_term(forbid.action, permit.action) && covers_term(forbid.resource, permit.resource);
}

bool Principals::is_in(const ListedIdentity& each, const cedar::EntityUid& group) const {
  const auto type = inventory::cedar_type(each->kind);
  if (group.type == type && group.id == each->id) return true;
  if (entities_ == nullptr) return false;
  cedar::Arena arena;
  const cedar::Entity* known = entities_->find(arena.entity(type, each->id));
  return known != nullptr && known->ancestors->contain(arena.entity(group.type, group.id));
}

bool Principals::may_be(const ScopeTerm& principal, const ListedIdentity& each) const {
  const auto type = inventory::cedar_type(each->kind);
  const auto in_group = [&] {
    return principal.slot || principal.entities.empty() || is_in(each, principal.entities[0]);
  };
  switch (principal.rule) {
    case Rule::kAny:
      return true;
    case Rule::kEqual:
      return !principal.entities.empty() && principal.entities[0].type == type &&
             principal.entities[0].id == each->id;
    case Rule::kIs:
      return principal.type == type;
    case Rule::kIsIn:
      return principal.type == type && in_group();
    case Rule::kIn:
      return in_group();
    case Rule::kInAny:
      return true;
  }
  return true;
}

// Of what names the principal; of anything else nobody can say.
bool Principals::may_hold(const Expr& condition, const ListedIdentity& each) const {
  const auto type = inventory::cedar_type(each->kind);
  const auto& operands = condition.operands;
  const auto operand = [&](const Expr& part) { return may_hold(part, each); };
  const auto is_principal = [](const Expr& part) {
    return part.kind == ExprKind::kVariable && part.variable() == cedar::Variable::kPrincipal;
  };
  const auto may_equal = [&](const Expr& part) {
    return part.kind != ExprKind::kEntity || (part.text == type && part.names[0] == each->id);
  };
  const auto may_be_in = [&](const Expr& group) {
    return group.kind != ExprKind::kEntity || is_in(each, group.entity());
  };
  switch (condition.kind) {
    case ExprKind::kBool:
      return condition.integer != 0;
    case ExprKind::kAnd:
      return std::ranges::all_of(operands, operand);
    case ExprKind::kOr:
      return std::ranges::any_of(operands, operand);
    case ExprKind::kEqual:
      if (is_principal(operands[0])) return may_equal(operands[1]);
      return !is_principal(operands[1]) || may_equal(operands[0]);
    case ExprKind::kContains:
      return !is_principal(operands[1]) || operands[0].kind != ExprKind::kSet ||
             std::ranges::any_of(operands[0].operands, may_equal);
    case ExprKind::kIs:
      return !is_principal(operands[0]) || condition.text == type;
    case ExprKind::kIn:
      return !is_principal(operands[0]) || may_be_in(operands[1]);
    case ExprKind::kIsIn:
      return !is_principal(operands[0]) || (condition.text == type && may_be_in(operands[1]));
    default:
      return true;
  }
}

bool Principals::may_be(const Policy& policy, const ListedIdentity& each) const {
  return may_be(policy.principal, each) &&
         std::ranges::all_of(policy.conditions, [&](const cedar::Condition& condition) {
           return condition.unless || may_hold(condition.body, each);
         });
}

}  // namespace writ::posture
