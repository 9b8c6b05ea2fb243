// Queries: who may do this, what may they do, and with which of these resources.
//
// A question with one place left open is first evaluated partially; what is left, often nothing, is then
// asked of each candidate. So asking about many candidates costs little more than asking about those policies
// that tell them apart.
//
//   Candidates found = find_permitted(policies, {.principal = alice, .action = view}, entities,
//                                     Variable::kResource, documents);
//
// When the context is incomplete, a candidate may be undecided. Pure and thread-safe.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/partial.h"
#include "cedar/schema.h"

namespace writ::cedar {

struct Candidates {
  // In the order in which they were given.
  std::vector<EntityRef> permitted;
  std::vector<EntityRef> undecided;
};

// Which of the candidates, as the principal, the action or the resource (`open`), the request is allowed for.
// What the request says in that place does not count. Fails with kInvalid when another place is unknown, or
// the open one is the context; with kLimit when what is left of a policy is nested too deeply.
Result<Candidates> find_permitted(const CompiledPolicySet& policies, const PartialRequest& request,
                                  const EntityView& entities, Variable open,
                                  std::span<const EntityRef> candidates);

// The actions that apply to a principal and a resource of these types, groups left out: the candidates for
// the question which actions are permitted. The names live in `arena`.
std::vector<EntityRef> applicable_actions(Arena& arena, const Schema& schema, std::string_view principal_type,
                                          std::string_view resource_type);

}  // namespace writ::cedar
