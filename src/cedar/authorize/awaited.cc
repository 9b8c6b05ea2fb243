#include "cedar/awaited.h"

#include <algorithm>

#include "cedar/plan/expression.h"
#include "cedar/plan/plan.h"

namespace writ::cedar {
namespace {

bool among(std::span<const std::string> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Whether `has` of one of the names stands anywhere below the node.
bool asks_presence(const Plan& plan, NodeIndex at, std::span<const std::string> names) {
  const Node& node = plan.nodes[at];
  if (node.op == Op::kHas && among(names, plan.names[node.b]->view())) return true;
  if (node.op == Op::kHasPath) {
    for (std::uint32_t i = node.c; i != node.c + node.b; ++i)
      if (among(names, plan.names[i]->view())) return true;
  }
  return std::ranges::any_of(operands_of(plan, at),
                             [&](NodeIndex operand) { return asks_presence(plan, operand, names); });
}

// Whether it is for want of one of the names that the evaluation failed.
bool lacked(const Plan& plan, const PolicyError& error, EntityRef resource,
            std::span<const std::string> names) {
  const auto kind = error.kind();
  if (kind != EvalErrorKind::kMissingAttribute && kind != EvalErrorKind::kMissingEntity) return false;
  const Node& node = plan.nodes[error.node];
  const Value& seen = error.failure.seen;
  return node.op == Op::kAttribute && seen.is(Kind::kEntity) && seen.as_entity() == resource &&
         among(names, plan.names[node.b]->view());
}

}  // namespace

void find_open_policies(const CompiledPolicySet& policies, const Request& request, const EntityView& entities,
                        std::span<const std::string> awaited, const Evaluation& evaluation,
                        std::vector<PolicyIndex>& open) {
  const Plan& plan = policies.plan();
  open.clear();
  for (const PolicyError& error : evaluation.errors())
    if (lacked(plan, error, request.resource, awaited)) open.push_back(error.policy);
  const auto subject = [&](EntityRef uid) {
    const Entity* entity = entities.find(uid);
    return ScopeSubject{entity != nullptr ? entity->uid : uid, entity};
  };
  const RequestScope scope{{subject(request.principal), subject(request.action), subject(request.resource)}};
  plan.index.find(scope, [&](std::span<const PolicyIndex> candidates) {
    for (const PolicyIndex policy : candidates) {
      const NodeIndex condition = plan.conditions[policy];
      if (condition == kNoNode || !plan.index.matches(policy, plan.scopes[policy], scope)) continue;
      if (asks_presence(plan, condition, awaited)) open.push_back(policy);
    }
  });
  std::ranges::sort(open);
  open.erase(std::ranges::unique(open).begin(), open.end());
}

}  // namespace writ::cedar
