#include "cedar/open.h"

#include "cedar/authorize/open_search.h"
#include "cedar/authorize/open_state.h"
#include "cedar/plan/expression.h"

namespace writ::cedar {

OpenEvaluator::OpenEvaluator(const CompiledPolicySet& policies, const EntityView& entities)
    : state_(std::make_unique<State>(policies, entities)) {}

OpenEvaluator::~OpenEvaluator() = default;

void OpenEvaluator::pose(const OpenWorld& world) {
  state_->pose(world);
}

std::size_t OpenEvaluator::size() const noexcept {
  return state_->plan().scopes.size();
}

bool OpenEvaluator::forbids(PolicyIndex policy) const {
  return state_->plan().forbids[policy];
}

bool OpenEvaluator::concerns(PolicyIndex policy) const {
  return state_->scope(policy, 1) != kIsFalse && state_->scope(policy, 2) != kIsFalse;
}

bool OpenEvaluator::concerns(PolicyIndex policy, EntityRef principal) const {
  state_->set_principal(principal);
  return state_->scope(policy, 0) != kIsFalse;
}

Outcomes OpenEvaluator::outcomes(PolicyIndex policy, EntityRef principal) {
  state_->set_principal(principal);
  const std::uint8_t scope = state_->scopes(policy);
  if (scope == kIsFalse) return Outcomes(kIsFalse);
  const NodeIndex condition = state_->plan().conditions[policy];
  if (condition == kNoNode) return Outcomes(scope);
  const std::size_t before = state_->mark();
  if (scope != kIsTrue) state_->assume_scope(policy);
  const std::uint8_t inner = state_->test(condition);
  state_->undo(before);
  return Outcomes(scope == kIsTrue ? inner : static_cast<std::uint8_t>(inner | kIsFalse));
}

Policy OpenEvaluator::residual(PolicyIndex policy, EntityRef principal) {
  state_->set_principal(principal);
  const Plan& plan = state_->plan();
  Policy left;
  left.id = plan.facts[policy].id;
  left.effect = plan.forbids[policy] ? Effect::kForbid : Effect::kPermit;
  const std::size_t before = state_->mark();
  if (state_->scope(policy, 0) == kIsEither) left.principal = scope_term(plan.scopes[policy].constraints[0]);
  if (state_->scope(policy, 2) != kIsTrue) {
    left.resource = scope_term(plan.scopes[policy].constraints[2]);
    state_->assume_scope(policy);
  }
  if (const NodeIndex condition = plan.conditions[policy]; condition != kNoNode) {
    if (state_->test(condition) != kIsTrue)
      left.conditions.push_back({.unless = false, .body = state_->residual(condition), .span = {}});
  }
  state_->undo(before);
  return left;
}

bool OpenEvaluator::find(std::span<const OpenGoal> goals, std::span<const EntityRef> parties,
                         const Visit& visit, const OpenLimits& limits) {
  const std::size_t before = state_->mark();
  const bool found = Search(*state_, goals, parties, visit, limits).run();
  state_->undo(before);
  return found;
}

}  // namespace writ::cedar
