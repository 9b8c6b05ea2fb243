#include "cedar/coverage.h"

#include <fmt/format.h>

#include "cedar/plan/evaluate.h"
#include "cedar/plan/plan.h"
#include "cedar/print.h"

namespace writ::cedar {

bool joins_conditions(ExprKind kind) noexcept {
  return kind == ExprKind::kAnd || kind == ExprKind::kOr || kind == ExprKind::kNot || kind == ExprKind::kIf;
}

// One request on its way through the policies.
class CoverageProbe::Walk {
 public:
  Walk(const Plan& plan, const Request& request, const EntityView& entities)
      : plan_(plan),
        scope_{{{request.principal, entities.find(request.principal)},
                {request.action, entities.find(request.action)},
                {request.resource, entities.find(request.resource)}}},
        machine_(plan, scope_, request.context, entities, arena_) {}

  bool meets(PolicyIndex policy) const { return plan_.scopes[policy].matches(scope_); }

  Outcome outcome(const Part& part, std::vector<Seen>& seen) {
    switch (part.kind) {
      case ExprKind::kAnd:
      case ExprKind::kOr: {
        const auto goes_on = part.kind == ExprKind::kAnd ? Outcome::kTrue : Outcome::kFalse;
        for (const Part& operand : part.operands) {
          if (const auto one = outcome(operand, seen); one != goes_on) return one;
        }
        return goes_on;
      }
      case ExprKind::kNot: {
        const auto one = outcome(part.operands[0], seen);
        if (one == Outcome::kFailed) return one;
        return one == Outcome::kTrue ? Outcome::kFalse : Outcome::kTrue;
      }
      case ExprKind::kIf: {
        const auto test = outcome(part.operands[0], seen);
        if (test == Outcome::kFailed) return test;
        return outcome(part.operands[test == Outcome::kTrue ? 1 : 2], seen);
      }
      default: {
        const auto truth = machine_.test(plan_.conditions[part.leaf]);
        const auto one = truth == Truth::kTrue    ? Outcome::kTrue
                         : truth == Truth::kFalse ? Outcome::kFalse
                                                  : Outcome::kFailed;
        if (part.condition) seen.push_back({*part.condition, one});
        return one;
      }
    }
  }

 private:
  const Plan& plan_;
  Arena arena_;
  RequestScope scope_;
  Machine machine_;
};

CoverageProbe::Part CoverageProbe::part_of(const Expr& expr, PolicyIndex policy, PolicySet& leaves) {
  Part part{.kind = expr.kind};
  if (joins_conditions(expr.kind)) {
    for (const Expr& operand : expr.operands) part.operands.push_back(part_of(operand, policy, leaves));
    return part;
  }
  part.leaf = static_cast<PolicyIndex>(leaves.policies.size());
  leaves.policies.push_back({.id = fmt::format("{}", part.leaf),
                             .effect = Effect::kPermit,
                             .annotations = {},
                             .principal = {},
                             .action = {},
                             .resource = {},
                             .conditions = {{.unless = false, .body = expr, .span = expr.span}},
                             .span = expr.span});
  if (expr.kind == ExprKind::kBool) return part;
  part.condition = conditions_.size();
  conditions_.push_back({policy, expr.span, print_expression(expr)});
  return part;
}

Result<CoverageProbe> CoverageProbe::of(const PolicySet& policies) {
  CoverageProbe probe;
  PolicySet leaves;
  for (const Policy& policy : policies.policies) {
    Policy& scope = leaves.policies.emplace_back(policy);
    scope.id = fmt::format("{}", leaves.policies.size() - 1);
    scope.conditions.clear();
  }
  for (PolicyIndex i = 0; i < policies.policies.size(); ++i) {
    // No condition at all is a conjunction of none.
    Part all{.kind = ExprKind::kAnd};
    for (const Condition& condition : policies.policies[i].conditions) {
      Part body = probe.part_of(condition.body, i, leaves);
      if (condition.unless) body = Part{.kind = ExprKind::kNot, .operands = {std::move(body)}};
      all.operands.push_back(std::move(body));
    }
    probe.parts_.push_back(std::move(all));
  }
  probe.leaves_ = TRY(CompiledPolicySet::compile(leaves));
  return probe;
}

std::vector<CoverageProbe::Met> CoverageProbe::look(const Request& request,
                                                    const EntityView& entities) const {
  Walk walk(leaves_->plan(), request, entities);
  std::vector<Met> all;
  for (PolicyIndex i = 0; i < parts_.size(); ++i) {
    if (!walk.meets(i)) continue;
    Met met{.policy = i, .outcome = Outcome::kFalse, .seen = {}};
    met.outcome = walk.outcome(parts_[i], met.seen);
    all.push_back(std::move(met));
  }
  return all;
}

}  // namespace writ::cedar
