// Scope: what the text of a policy narrows and requires, as far as it can be read without asking anybody.
// Private to the module.
//
// A condition counts as required where the policy cannot hold without it, as an operand of `when … && …`. In
// doubt a policy counts as one that does not require, and as one that does not narrow. Pure.
#pragma once

#include <string_view>

#include "cedar/ast.h"
#include "cedar/entities.h"
#include "posture/scene.h"

namespace writ::posture {

// Whether it is said, by scope or condition, which of the many the variable may be. What is only left out
// (`unless { resource.archived }`) and what is true of itself narrow nothing.
bool is_open(const cedar::Policy& policy, const cedar::ScopeTerm& term, cedar::Variable variable);

// `context has name`, of which nothing is true without it.
bool requires_has(const cedar::Policy& policy, std::string_view name);
// Never true, whatever is asked.
bool never_holds(const cedar::Policy& policy);

// A forbid that holds whenever there is no task, whatever else is asked.
bool forbids_without_task(const cedar::Policy& policy);
// Whether a forbid is about all that the permit is about, as far as action and resource go.
bool covers(const cedar::Policy& forbid, const cedar::Policy& permit);

// Whether the scope lets an identity be the principal: by its name, its kind, and the groups that the
// entities put it into.
class Principals {
 public:
  explicit Principals(const Scene& scene) : entities_(scene.loaded().policies.snapshot->entities.get()) {}
  bool may_be(const cedar::ScopeTerm& principal, const ListedIdentity& each) const;
  // The same of scope and conditions: `when { [Writ::Service::"a"].contains(principal) }`.
  bool may_be(const cedar::Policy& policy, const ListedIdentity& each) const;

 private:
  bool may_hold(const cedar::Expr& condition, const ListedIdentity& each) const;
  bool is_in(const ListedIdentity& each, const cedar::EntityUid& group) const;

  const cedar::Entities* entities_;
};

}  // namespace writ::posture
