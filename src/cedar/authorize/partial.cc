#include "cedar/partial.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "cedar/plan/evaluate.h"
#include "cedar/plan/expression.h"

namespace writ::cedar {
namespace {

// What is known of an expression: its value, that evaluating it fails, or what is left of it.
struct Known {
  enum class Form : std::uint8_t { kValue, kFailure, kResidual };
  Form form;
  Value value;              // kValue
  Expr expr;                // otherwise; kFailure: an expression that fails
  bool never_true = false;  // kResidual: it is false or fails

  static Known of(Value value) { return {Form::kValue, value, Expr{ExprKind::kBool, {}}}; }
  static Known failing(Expr expr) { return {Form::kFailure, Value::boolean(false), std::move(expr), true}; }
  static Known residual(Expr expr, bool never_true = false) {
    return {Form::kResidual, Value::boolean(false), std::move(expr), never_true};
  }

  bool is(Form wanted) const { return form == wanted; }
  Expr expression() && { return form == Form::kValue ? value_expression(value) : std::move(expr); }
};

// Whether an expression evaluates to a boolean or not at all.
bool is_boolean(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kBool:
    case ExprKind::kNot:
    case ExprKind::kAnd:
    case ExprKind::kOr:
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
    case ExprKind::kLess:
    case ExprKind::kLessOrEqual:
    case ExprKind::kGreater:
    case ExprKind::kGreaterOrEqual:
    case ExprKind::kIn:
    case ExprKind::kContains:
    case ExprKind::kContainsAll:
    case ExprKind::kContainsAny:
    case ExprKind::kIsEmpty:
    case ExprKind::kHasTag:
    case ExprKind::kHas:
    case ExprKind::kLike:
    case ExprKind::kIs:
    case ExprKind::kIsIn:
      return true;
    case ExprKind::kIf:
      return is_boolean(expr.operands[1]) && is_boolean(expr.operands[2]);
    default:
      return false;
  }
}

enum class Match : std::uint8_t { kNo, kYes, kMaybe };

class PartialEvaluator {
 public:
  PartialEvaluator(const Plan& plan, const PartialRequest& request, const EntityView& entities)
      : plan_(plan),
        request_(request),
        entities_(entities),
        nobody_(arena_.entity("", "")),
        scope_{{subject(request.principal), subject(request.action), subject(request.resource)}},
        machine_(plan, scope_, request.context, entities, arena_) {
    find_unknown_nodes();
  }

  // Answers nothing when the policy is certainly neither satisfied nor failing.
  std::optional<PartialPolicy> policy(PolicyIndex policy) {
    using State = PartialPolicy::State;
    PartialPolicy partial{policy, State::kUndecided, {}};
    bool scope_open = false;
    const std::array<ScopeTerm*, 3> terms{&partial.residual.principal, &partial.residual.action,
                                          &partial.residual.resource};
    for (unsigned slot = 0; slot < 3; ++slot) {
      const ScopeConstraint& constraint = plan_.scopes[policy].constraints[slot];
      const Match match = matches(constraint, slot);
      if (match == Match::kNo) return std::nullopt;
      if (match == Match::kYes) continue;
      scope_open = true;
      *terms[slot] = scope_term(constraint);
      if (terms[slot]->rule == ScopeTerm::Rule::kIsIn && type_of(slot) != nullptr) {
        terms[slot]->rule = ScopeTerm::Rule::kIn;  // the type is right
        terms[slot]->type.clear();
      }
    }
    const NodeIndex at = plan_.conditions[policy];
    Known condition = at == kNoNode ? Known::of(Value::boolean(true)) : evaluate_condition(at);
    if (condition.is(Known::Form::kValue) && !condition.value.is(Kind::kBool))
      condition = Known::failing(value_expression(condition.value));
    if (condition.is(Known::Form::kValue) && !condition.value.as_bool()) return std::nullopt;

    if (condition.is(Known::Form::kValue)) {
      partial.state = scope_open ? State::kUndecided : State::kSatisfied;
    } else if (condition.is(Known::Form::kFailure)) {
      partial.state = scope_open ? State::kNeverSatisfied : State::kFails;
    } else if (condition.never_true) {
      partial.state = State::kNeverSatisfied;
    }
    if (!condition.is(Known::Form::kValue)) {
      const SourceRange range = plan_.ranges[at];
      partial.residual.conditions.push_back(
          {.unless = false, .body = std::move(condition.expr), .span = {range.begin, range.end}});
    }
    const PolicyFacts& facts = plan_.facts[policy];
    partial.residual.id = facts.id;
    partial.residual.effect = plan_.forbids[policy] ? Effect::kForbid : Effect::kPermit;
    for (const auto& [name, value] : facts.annotations)
      partial.residual.annotations.push_back({.name = name, .value = value, .span = {}});
    return partial;
  }

 private:
  ScopeSubject subject(const std::optional<EntityRef>& uid) const {
    return uid ? ScopeSubject{*uid, entities_.find(*uid)} : ScopeSubject{nobody_, nullptr};
  }

  bool is_known(unsigned slot) const {
    return slot == 0   ? request_.principal.has_value()
           : slot == 1 ? request_.action.has_value()
                       : request_.resource.has_value();
  }

  // The type of an unknown principal or resource, where it is known.
  const std::string* type_of(unsigned slot) const {
    const auto& type = slot == 0 ? request_.principal_type : request_.resource_type;
    return slot != 1 && type ? &*type : nullptr;
  }

  Match matches(const ScopeConstraint& constraint, unsigned slot) const {
    using Rule = ScopeConstraint::Rule;
    if (is_known(slot)) return constraint.matches(scope_[slot]) ? Match::kYes : Match::kNo;
    if (constraint.rule == Rule::kAny) return Match::kYes;
    const std::string* type = type_of(slot);
    if (type == nullptr) return Match::kMaybe;
    switch (constraint.rule) {
      case Rule::kIs:
        return constraint.type->view() == *type ? Match::kYes : Match::kNo;
      case Rule::kIsIn:
        return constraint.type->view() == *type ? Match::kMaybe : Match::kNo;
      case Rule::kEqual:
        return constraint.uids[0]->type->view() == *type ? Match::kMaybe : Match::kNo;
      default:
        return Match::kMaybe;
    }
  }

  // A node is unknown when its value may depend on what is unknown. Children come before their parents.
  void find_unknown_nodes() {
    unknown_.resize(plan_.nodes.size());
    for (NodeIndex at = 0; at < plan_.nodes.size(); ++at) {
      const Node& node = plan_.nodes[at];
      switch (node.op) {
        case Op::kPrincipal:
        case Op::kAction:
        case Op::kResource:
          unknown_[at] = !is_known(slot_of(node.op));
          break;
        case Op::kContext:
          unknown_[at] = !request_.context_complete;
          break;
        case Op::kAttribute:
        case Op::kHas:
        case Op::kHasPath: {
          // An attribute of the context that is known, is known whatever else the context has.
          const Text* name = plan_.names[node.op == Op::kHasPath ? node.c : node.b];
          unknown_[at] = unknown_[node.a] && !(plan_.nodes[node.a].op == Op::kContext &&
                                               request_.context.as_record().find(name) != nullptr);
          break;
        }
        default:
          for (const NodeIndex operand : operands_of(plan_, at))
            unknown_[at] = unknown_[at] || unknown_[operand];
      }
    }
  }

  static unsigned slot_of(Op variable) {
    return variable == Op::kPrincipal ? 0 : variable == Op::kAction ? 1 : 2;
  }

  Known evaluate_condition(NodeIndex at) {
    return unknown_[at] && plan_.nodes[at].op == Op::kAnd ? chain(at, true) : evaluate(at);
  }

  Known evaluate(NodeIndex at) {
    if (!unknown_[at]) {
      Value value = Value::boolean(false);
      if (machine_.evaluate(at, value)) return Known::of(value);
      return Known::failing(plan_expression(plan_, at));
    }
    switch (plan_.nodes[at].op) {
      case Op::kAnd:
      case Op::kOr:
        return chain(at);
      case Op::kIf:
        return condition(at);
      case Op::kIs:
      case Op::kIsIn:
        return type_test(at);
      case Op::kEqual:
        return equality(at);
      default:
        return strict(at);
    }
  }

  // Every operand is evaluated, so one that fails makes the whole fail, in whatever order.
  Known strict(NodeIndex at) {
    std::vector<Expr> operands;
    bool all_values = true;
    bool fails = false;
    for (const NodeIndex operand : operands_of(plan_, at)) {
      Known known = evaluate(operand);
      all_values = all_values && known.is(Known::Form::kValue);
      fails = fails || known.is(Known::Form::kFailure);
      operands.push_back(std::move(known).expression());
    }
    // A variable is its own residual.
    if (operands.empty()) return Known::residual(plan_expression(plan_, at));
    Expr expr = node_expression(plan_, at, std::move(operands));
    if (fails) return Known::failing(std::move(expr));
    return all_values ? computed(std::move(expr)) : Known::residual(std::move(expr));
  }

  // The value of an expression of values.
  Known computed(Expr expr) {
    PolicySet set;
    set.policies.emplace_back();
    set.policies[0].conditions.push_back({.unless = false, .body = expr, .span = {}});
    const auto compiled = CompiledPolicySet::compile(set);
    if (!compiled) return Known::residual(std::move(expr));  // too deep; it stays as it is
    const Plan& plan = (*compiled)->plan();
    Machine machine(plan, scope_, request_.context, entities_, arena_);
    Value value = Value::boolean(false);
    // A condition is a chain that demands a boolean; what is wanted is its one operand, whatever it is.
    const Node& condition = plan.nodes[plan.conditions[0]];
    const NodeIndex at = condition.op == Op::kAnd ? plan.operands[condition.a] : plan.conditions[0];
    if (!machine.evaluate(at, value)) return Known::failing(std::move(expr));
    return Known::of(copy_value(arena_, value));
  }

  // In the place of a condition the value has to be a boolean anyway.
  Known chain(NodeIndex at, bool as_condition = false) {
    const bool decisive = plan_.nodes[at].op == Op::kOr;
    const bool conjunction = !decisive;
    std::vector<Expr> left;
    bool never_true = !conjunction;
    for (const NodeIndex operand : operands_of(plan_, at)) {
      Known known = evaluate(operand);
      const bool no_boolean = known.is(Known::Form::kValue) && !known.value.is(Kind::kBool);
      if (no_boolean) known = Known::failing(value_expression(known.value));
      if (known.is(Known::Form::kValue) && known.value.as_bool() != decisive) continue;
      if (no_boolean && left.empty()) {
        left.push_back(std::move(known).expression());
        left.push_back(value_expression(Value::boolean(!decisive)));
        return Known::failing(node_expression(plan_, at, std::move(left)));
      }
      const bool ends = !known.is(Known::Form::kResidual);
      if (ends && left.empty()) return known;
      const bool operand_never_true =
          known.is(Known::Form::kValue) ? !known.value.as_bool() : known.never_true;
      never_true = conjunction ? never_true || operand_never_true : never_true && operand_never_true;
      left.push_back(std::move(known).expression());
      if (ends) break;
    }
    if (left.empty()) return Known::of(Value::boolean(!decisive));
    if (left.size() == 1 && (as_condition || is_boolean(left[0])))
      return Known::residual(std::move(left[0]), never_true);
    // A neutral operand keeps the check that the other one is a boolean.
    if (left.size() == 1) left.push_back(value_expression(Value::boolean(!decisive)));
    return Known::residual(node_expression(plan_, at, std::move(left)), never_true);
  }

  Known condition(NodeIndex at) {
    const Node& node = plan_.nodes[at];
    Known test = evaluate(node.a);
    if (test.is(Known::Form::kValue) && !test.value.is(Kind::kBool))
      test = Known::failing(value_expression(test.value));
    if (test.is(Known::Form::kValue)) return evaluate(test.value.as_bool() ? node.b : node.c);
    const bool fails = test.is(Known::Form::kFailure);
    Known then = evaluate(node.b);
    Known otherwise = evaluate(node.c);
    const auto is_never_true = [](const Known& known) {
      return known.is(Known::Form::kValue) ? !(known.value.is(Kind::kBool) && known.value.as_bool())
                                           : known.never_true;
    };
    const bool never_true = is_never_true(then) && is_never_true(otherwise);
    std::vector<Expr> operands;
    operands.push_back(std::move(test).expression());
    operands.push_back(std::move(then).expression());
    operands.push_back(std::move(otherwise).expression());
    Expr expr = node_expression(plan_, at, std::move(operands));
    return fails ? Known::failing(std::move(expr)) : Known::residual(std::move(expr), never_true);
  }

  // The type of an unknown variable, where it is known.
  const std::string* variable_type(NodeIndex at) const {
    const Op op = plan_.nodes[at].op;
    if (op != Op::kPrincipal && op != Op::kResource) return nullptr;
    return is_known(slot_of(op)) ? nullptr : type_of(slot_of(op));
  }

  // `is`, and `is .. in`, which looks at the group only when the type is right.
  Known type_test(NodeIndex at) {
    const Node& node = plan_.nodes[at];
    const std::string_view wanted = plan_.names[node.b]->view();
    const std::string* type = variable_type(node.a);
    if (type != nullptr && *type != wanted) return Known::of(Value::boolean(false));
    if (node.op == Op::kIs) return type != nullptr ? Known::of(Value::boolean(true)) : strict(at);
    Known operand = evaluate(node.a);
    if (operand.is(Known::Form::kFailure)) {
      std::vector<Expr> operands;
      operands.push_back(std::move(operand).expression());
      operands.push_back(plan_expression(plan_, node.c));
      return Known::failing(node_expression(plan_, at, std::move(operands)));
    }
    if (operand.is(Known::Form::kValue)) {
      if (!operand.value.is(Kind::kEntity)) return Known::failing(plan_expression(plan_, at));
      if (operand.value.as_entity().type() != wanted) return Known::of(Value::boolean(false));
    }
    const bool type_is_right = type != nullptr || operand.is(Known::Form::kValue);
    Known group = evaluate(node.c);
    const bool fails = type_is_right && group.is(Known::Form::kFailure);
    const bool all_values = operand.is(Known::Form::kValue) && group.is(Known::Form::kValue);
    std::vector<Expr> operands;
    operands.push_back(std::move(operand).expression());
    operands.push_back(std::move(group).expression());
    Expr expr = node_expression(plan_, at, std::move(operands));
    if (fails) return Known::failing(std::move(expr));
    return all_values ? computed(std::move(expr)) : Known::residual(std::move(expr));
  }

  // An entity of another type is another entity.
  Known equality(NodeIndex at) {
    const Node& node = plan_.nodes[at];
    for (const auto& [variable, other] : {std::pair(node.a, node.b), std::pair(node.b, node.a)}) {
      const std::string* type = variable_type(variable);
      if (type == nullptr || unknown_[other]) continue;
      Value value = Value::boolean(false);
      if (!machine_.evaluate(other, value)) break;
      if (!value.is(Kind::kEntity) || value.as_entity().type() != *type)
        return Known::of(Value::boolean(false));
    }
    return strict(at);
  }

  const Plan& plan_;
  const PartialRequest& request_;
  const EntityView& entities_;
  Arena arena_;
  const EntityRef nobody_;
  const RequestScope scope_;
  Machine machine_;
  std::vector<char> unknown_;  // by node
};

}  // namespace

PolicySet PartialAnswer::residual_policies() const {
  PolicySet set;
  for (const PartialPolicy& policy : policies) set.policies.push_back(policy.residual);
  return set;
}

PartialAnswer authorize_partially(const CompiledPolicySet& policies, const PartialRequest& request,
                                  const EntityView& entities) {
  using State = PartialPolicy::State;
  WRIT_CHECK(request.context.is(Kind::kRecord));
  PartialEvaluator evaluator(policies.plan(), request, entities);
  PartialAnswer answer;
  // By effect: whether one is satisfied, and whether one may be.
  std::array<bool, 2> satisfied{};
  std::array<bool, 2> undecided{};
  for (PolicyIndex index = 0; index < policies.size(); ++index) {
    auto policy = evaluator.policy(index);
    if (!policy) continue;
    const auto effect = static_cast<std::size_t>(policy->residual.effect);
    satisfied[effect] = satisfied[effect] || policy->state == State::kSatisfied;
    undecided[effect] = undecided[effect] || policy->state == State::kUndecided;
    answer.policies.push_back(*std::move(policy));
  }
  constexpr auto kPermit = static_cast<std::size_t>(Effect::kPermit);
  constexpr auto kForbid = static_cast<std::size_t>(Effect::kForbid);
  if (satisfied[kForbid] || (!satisfied[kPermit] && !undecided[kPermit])) {
    answer.decision = PartialDecision::kDeny;
  } else if (satisfied[kPermit] && !undecided[kForbid]) {
    answer.decision = PartialDecision::kAllow;
  } else {
    answer.decision = PartialDecision::kUnknown;
  }
  return answer;
}

}  // namespace writ::cedar
