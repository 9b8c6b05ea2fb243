// Partial evaluation: what can be said of a request of which not everything is known yet.
//
// The principal, the action, the resource or attributes of the context may be unknown. The answer has three
// values, and beside it the policies that may still matter, each with what is left of its condition. The
// entities are taken as complete.
//
// What holds, for every request that agrees with what is known: deciding it by the residual policies gives
// the decision, the reason and the errors that the whole set gives; and an answer of allow or deny is its
// decision.
//
//   PartialRequest request{.principal = alice, .action = view, .context = context};   // any resource
//   PartialAnswer answer = authorize_partially(policies, request, entities);
//   if (answer.decision == PartialDecision::kUnknown) show(print_policies(answer.residual_policies()));
//
// Cost: linear in the policies and their size; see cedar/query.h for asking about many candidates. Pure and
// thread-safe. The answer borrows nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cedar/ast.h"
#include "cedar/compile.h"
#include "cedar/entities.h"
#include "cedar/value.h"

namespace writ::cedar {

struct PartialRequest {
  // Absent: unknown.
  std::optional<EntityRef> principal = {};
  std::optional<EntityRef> action = {};
  std::optional<EntityRef> resource = {};
  // Of an unknown principal or resource the type may be known all the same.
  std::optional<std::string> principal_type = {};
  std::optional<std::string> resource_type = {};
  // A record: the attributes of the context that are known. When the context is not complete, others may be
  // there or not.
  Value context = Value::record(empty_record());
  bool context_complete = true;
};

enum class PartialDecision : std::uint8_t { kDeny, kAllow, kUnknown };

struct PartialPolicy {
  enum class State : std::uint8_t {
    kSatisfied,      // whatever is still unknown
    kFails,          // its evaluation will fail
    kUndecided,      // it depends
    kNeverSatisfied  // it is not satisfied, but its evaluation may fail
  };
  PolicyIndex policy;  // in the set that was asked
  State state;
  Policy residual;  // id, effect and annotations of the policy; what is left of scope and condition
};

struct PartialAnswer {
  PartialDecision decision = PartialDecision::kDeny;
  // In the order of the set; those that are certainly neither satisfied nor failing are left out.
  std::vector<PartialPolicy> policies;

  PolicySet residual_policies() const;
};

PartialAnswer authorize_partially(const CompiledPolicySet& policies, const PartialRequest& request,
                                  const EntityView& entities);

}  // namespace writ::cedar
