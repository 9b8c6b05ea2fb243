#include "cedar/query.h"

#include <fmt/format.h>

#include "cedar/authorize.h"

namespace writ::cedar {
namespace {

std::optional<EntityRef>* place_of(PartialRequest& request, Variable variable) {
  switch (variable) {
    case Variable::kPrincipal:
      return &request.principal;
    case Variable::kAction:
      return &request.action;
    case Variable::kResource:
      return &request.resource;
    case Variable::kContext:
      break;
  }
  return nullptr;
}

}  // namespace

Result<Candidates> find_permitted(const CompiledPolicySet& policies, const PartialRequest& request,
                                  const EntityView& entities, Variable open,
                                  std::span<const EntityRef> candidates) {
  PartialRequest question = request;
  std::optional<EntityRef>* place = place_of(question, open);
  if (place == nullptr)
    return failure(ErrorCode::kInvalid, "candidates are principals, actions or resources");
  for (const Variable other : {Variable::kPrincipal, Variable::kAction, Variable::kResource}) {
    if (other != open && !place_of(question, other)->has_value())
      return failure(ErrorCode::kInvalid,
                     fmt::format("the {} is unknown, expected an entity", variable_name(other)));
  }
  place->reset();
  // Candidates may be of any type.
  question.principal_type.reset();
  question.resource_type.reset();
  const PartialAnswer answer = authorize_partially(policies, question, entities);
  Candidates found;
  if (answer.decision == PartialDecision::kDeny) return found;
  if (answer.decision == PartialDecision::kAllow) {
    found.permitted.assign(candidates.begin(), candidates.end());
    return found;
  }
  const auto left = TRY(CompiledPolicySet::compile(answer.residual_policies()));
  Evaluation evaluation;
  for (const EntityRef candidate : candidates) {
    place->emplace(candidate);
    PartialDecision decision = PartialDecision::kDeny;
    if (question.context_complete) {
      authorize(*left, {*question.principal, *question.action, *question.resource, question.context},
                entities, evaluation);
      if (evaluation.allowed()) decision = PartialDecision::kAllow;
    } else {
      decision = authorize_partially(*left, question, entities).decision;
    }
    if (decision == PartialDecision::kAllow) found.permitted.push_back(candidate);
    if (decision == PartialDecision::kUnknown) found.undecided.push_back(candidate);
  }
  return found;
}

std::vector<EntityRef> applicable_actions(Arena& arena, const Schema& schema, std::string_view principal_type,
                                          std::string_view resource_type) {
  std::vector<EntityRef> actions;
  for (const auto& [uid, action] : schema.actions()) {
    if (action.applies_to_principal(principal_type) && action.applies_to_resource(resource_type))
      actions.push_back(arena.entity(uid.type, uid.id));
  }
  return actions;
}

}  // namespace writ::cedar
