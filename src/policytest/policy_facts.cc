#include "policytest/policy_facts.h"

#include <algorithm>

#include "cedar/ext_datetime.h"

namespace writ::policytest {

namespace {

using cedar::Expr;
using cedar::ExprKind;

void collect_texts(const Expr& expr, std::set<std::string>& texts) {
  if (expr.kind == ExprKind::kString) texts.insert(expr.text);
  for (const Expr& operand : expr.operands) collect_texts(operand, texts);
}

bool compares(ExprKind kind) {
  switch (kind) {
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
    case ExprKind::kContains:
    case ExprKind::kContainsAll:
    case ExprKind::kContainsAny:
      return true;
    default:
      return false;
  }
}

// Depth is bounded by the parser.
void look(const Expr& expr, PolicyFacts& facts) {
  if (compares(expr.kind)) {
    for (const Expr& attribute : expr.operands) {
      if (attribute.kind != ExprKind::kAttribute) continue;
      for (const Expr& other : expr.operands)
        if (&other != &attribute) collect_texts(other, facts.texts[attribute.text]);
    }
  }
  if (expr.kind == ExprKind::kCall) {
    facts.time_of_day = facts.time_of_day || expr.text == "toTime";
    if (expr.text == "datetime" && expr.operands.size() == 1) {
      if (const auto moment = cedar::Datetime::parse(expr.operands[0].text))
        facts.instants.insert(Instant(Duration(moment->epoch_ms)));
    }
  }
  const bool of_resource = expr.kind == ExprKind::kHas && expr.operands.front().kind == ExprKind::kVariable &&
                           expr.operands.front().variable() == cedar::Variable::kResource;
  if (of_resource) facts.of_some_resources.insert(expr.names.front());
  for (const Expr& operand : expr.operands) look(operand, facts);
}

void look_at(const cedar::Policy& policy, PolicyFacts& facts) {
  for (const cedar::Condition& condition : policy.conditions) look(condition.body, facts);
}

}  // namespace

const std::set<std::string>& PolicyFacts::texts_of(std::string_view attribute) const {
  static const std::set<std::string> kNone;
  const auto found = texts.find(attribute);
  return found != texts.end() ? found->second : kNone;
}

PolicyFacts PolicyFacts::of(const cedar::PolicySet& policies) {
  PolicyFacts facts;
  for (const auto* list : {&policies.policies, &policies.templates})
    for (const cedar::Policy& policy : *list) look_at(policy, facts);
  return facts;
}

PolicyFacts PolicyFacts::of_actions(const cedar::PolicySet& policies, std::string_view action_type) {
  PolicyFacts facts;
  for (const auto* list : {&policies.policies, &policies.templates}) {
    for (const cedar::Policy& policy : *list) {
      const auto& scope = policy.action;
      const bool any = scope.rule == cedar::ScopeTerm::Rule::kAny;
      if (any ||
          std::ranges::find(scope.entities, action_type, &cedar::EntityUid::type) != scope.entities.end())
        look_at(policy, facts);
    }
  }
  return facts;
}

}  // namespace writ::policytest
