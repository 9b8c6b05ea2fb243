#include "cedar/awaited.h"

#include <algorithm>

#include "cedar/plan/plan.h"

namespace writ::cedar {
namespace {

bool among(std::span<const std::string> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Each of so many is looked at; of more, only those that the index finds.
constexpr std::ptrdiff_t kFewAskers = 16;

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
  const auto sorted = open.size();
  const bool about_itself = request.principal == request.resource;
  if (!about_itself && std::ranges::none_of(awaited, [&](std::string_view name) {
        return plan.asked_of_others.may_have(name);
      }))
    return;
  const auto askers = [&](std::string_view name) {
    return std::ranges::equal_range(plan.asked_names, name, {}, &AskedName::name);
  };
  const auto counts = [&](const AskedName& asked) { return !asked.of_principal || about_itself; };
  std::ptrdiff_t all = 0;
  for (const std::string_view name : awaited) {
    const auto of_name = askers(name);
    // Of many, to count them would cost what the index saves.
    all += std::ssize(of_name) > kFewAskers ? std::ssize(of_name) : std::ranges::count_if(of_name, counts);
  }
  if (all == 0) return;
  const auto subject = [&](EntityRef uid) {
    const Entity* entity = entities.find(uid);
    return ScopeSubject{entity != nullptr ? entity->uid : uid, entity};
  };
  const RequestScope scope{{subject(request.principal), subject(request.action), subject(request.resource)}};
  if (all <= kFewAskers) {
    for (const std::string_view name : awaited) {
      for (const AskedName& asked : askers(name))
        if (counts(asked) && plan.scopes[asked.policy].matches(scope)) open.push_back(asked.policy);
    }
  } else {
    plan.index.find(scope, [&](std::span<const PolicyIndex> candidates) {
      for (const PolicyIndex policy : candidates) {
        if (!plan.index.matches(policy, plan.scopes[policy], scope)) continue;
        const auto asks = [&](std::string_view name) {
          return std::ranges::any_of(std::ranges::equal_range(askers(name), policy, {}, &AskedName::policy),
                                     counts);
        };
        if (std::ranges::any_of(awaited, asks)) open.push_back(policy);
      }
    });
  }
  if (open.size() == sorted) return;
  std::ranges::sort(open);
  open.erase(std::ranges::unique(open).begin(), open.end());
}

}  // namespace writ::cedar
