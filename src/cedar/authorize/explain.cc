#include "cedar/explain.h"

#include <algorithm>

#include "cedar/plan/evaluate.h"
#include "cedar/plan/expression.h"
#include "cedar/plan/plan.h"
#include "cedar/print.h"

namespace writ::cedar {
namespace {

class Explainer {
 public:
  Explainer(const CompiledPolicySet& policies, const Request& request, const EntityView& entities)
      : policies_(policies),
        plan_(policies.plan()),
        scope_{{{request.principal, entities.find(request.principal)},
                {request.action, entities.find(request.action)},
                {request.resource, entities.find(request.resource)}}},
        machine_(plan_, scope_, request.context, entities, arena_) {}

  bool meets(PolicyIndex policy) const { return plan_.scopes[policy].matches(scope_); }

  PolicyExplanation explain(PolicyIndex policy) {
    using Outcome = PolicyExplanation::Outcome;
    PolicyExplanation result{
        .policy = policy, .outcome = Outcome::kSatisfied, .condition = {}, .seen = {}, .error = {}};
    const NodeIndex condition = plan_.conditions[policy];
    if (condition == kNoNode) return result;
    NodeIndex decisive = condition;
    const Truth truth = machine_.test(condition);
    if (truth == Truth::kTrue) {
      see(condition, result.seen);
      return result;
    }
    result.outcome = truth == Truth::kFalse ? Outcome::kNotSatisfied : Outcome::kFailed;
    if (truth == Truth::kFailed)
      result.error = error_message(policies_, {policy, machine_.failed_at(), machine_.failure()});
    // The first part of a conjunction that is not true decided.
    while (plan_.nodes[decisive].op == Op::kAnd) {
      const auto parts = operands_of(plan_, decisive);
      const auto part =
          std::ranges::find_if(parts, [&](NodeIndex at) { return machine_.test(at) != Truth::kTrue; });
      if (part == parts.end()) break;
      decisive = *part;
    }
    result.condition = print_expression(plan_expression(plan_, decisive));
    result.begin = plan_.ranges[decisive].begin;
    result.end = plan_.ranges[decisive].end;
    see(decisive, result.seen);
    return result;
  }

 private:
  // Whether the node is a variable with accesses behind it.
  bool is_path(NodeIndex at) const {
    switch (plan_.nodes[at].op) {
      case Op::kPrincipal:
      case Op::kAction:
      case Op::kResource:
      case Op::kContext:
        return true;
      case Op::kAttribute:
        return is_path(plan_.nodes[at].a);
      case Op::kGetTag:
        return is_path(plan_.nodes[at].a) && plan_.nodes[plan_.nodes[at].b].op == Op::kConstant;
      default:
        return false;
    }
  }

  // What the paths of an expression hold, each once, in the order in which they are read.
  void see(NodeIndex at, std::vector<SeenValue>& seen) {
    const Node& node = plan_.nodes[at];
    if (node.op == Op::kContext) return;  // the whole of it tells nothing
    if (is_path(at)) return add(print_expression(plan_expression(plan_, at)), value_of(at), seen);
    if ((node.op == Op::kHas || node.op == Op::kHasPath) && is_path(node.a)) return see_presence(at, seen);
    for (const NodeIndex operand : operands_of(plan_, at)) see(operand, seen);
  }

  // `context has purpose`: what is there, or that nothing is.
  void see_presence(NodeIndex at, std::vector<SeenValue>& seen) {
    const Node& node = plan_.nodes[at];
    Expr path = plan_expression(plan_, node.a);
    Value base = Value::boolean(false);
    if (!machine_.evaluate(node.a, base)) return see(node.a, seen);
    const std::uint32_t first = node.op == Op::kHas ? node.b : node.c;
    const std::uint32_t count = node.op == Op::kHas ? 1 : node.b;
    const Value* found = &base;
    for (std::uint32_t i = first; i != first + count && found != nullptr; ++i) {
      const RecordNode* attributes = machine_.attributes(*found);
      found = attributes != nullptr ? attributes->find(plan_.names[i]) : nullptr;
      Expr step{ExprKind::kAttribute, {}};
      step.text = plan_.names[i]->view();
      step.operands.push_back(std::move(path));
      path = std::move(step);
    }
    add(print_expression(path), found, seen);
  }

  const Value* value_of(NodeIndex at) { return machine_.evaluate(at, value_) ? &value_ : nullptr; }

  static void add(std::string path, const Value* value, std::vector<SeenValue>& seen) {
    if (std::ranges::find(seen, path, &SeenValue::path) != seen.end()) return;
    seen.push_back(
        {std::move(path), value != nullptr, value != nullptr ? value->to_string() : std::string()});
  }

  const CompiledPolicySet& policies_;
  const Plan& plan_;
  Arena arena_;
  RequestScope scope_;
  Machine machine_;
  Value value_ = Value::boolean(false);
};

}  // namespace

std::vector<PolicyExplanation> explain(const CompiledPolicySet& policies, const Request& request,
                                       const EntityView& entities) {
  Explainer explainer(policies, request, entities);
  std::vector<PolicyExplanation> explanations;
  for (PolicyIndex policy = 0; policy < policies.size(); ++policy) {
    if (explainer.meets(policy)) explanations.push_back(explainer.explain(policy));
  }
  return explanations;
}

}  // namespace writ::cedar
