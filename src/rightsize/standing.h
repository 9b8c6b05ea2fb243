// Standing rights: what the permits in force grant by their scope, and which of them may match a party.
//
// A scope is looked at as widely as it may be: what nobody can tell counts as granted. Pure. Views; what it
// was made of must outlive it.
#pragma once

#include <compare>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/ast.h"
#include "decision/decision.h"
#include "inventory/snapshot.h"

namespace writ::rightsize {

// What is in force. Of the policies, those that decide (no shadows), in the order of the snapshot's.
struct Governing {
  const cedar::PolicySet& policies;
  const decision::PolicySnapshot& snapshot;
  const inventory::Snapshot& inventory;
};

// An action on resources of a type. No type: of any, or nobody can say of which.
struct Right {
  cedar::EntityUid action;
  std::string resource_type;
  friend auto operator<=>(const Right&, const Right&) = default;
};

class StandingRights {
 public:
  explicit StandingRights(const Governing& in_force);

  // Every action there is, on every type that it applies to.
  const std::set<Right>& all() const noexcept { return all_; }
  // Those that the scope of a permit leaves open.
  std::set<Right> granted(const cedar::Policy& policy) const;
  // The applications, services and agents that its scope names or leaves open, as Cedar entities.
  std::set<cedar::EntityUid> principals(const cedar::Policy& policy) const;
  // May the scope match? An empty type or id is any.
  bool may_match(const cedar::Policy& policy, const cedar::EntityUid& principal,
                 const cedar::EntityUid& action, std::string_view resource_type) const;
  bool may_be_principal(const cedar::Policy& policy, const cedar::EntityUid& principal) const;
  bool action_matches(const cedar::ScopeTerm& term, const cedar::EntityUid& action) const;

 private:
  bool is_below(const cedar::EntityUid& action, const cedar::EntityUid& group) const;

  const Governing& in_force_;
  std::set<Right> all_;
};

}  // namespace writ::rightsize
