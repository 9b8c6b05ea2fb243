#include "rightsize/standing.h"

#include <algorithm>

namespace writ::rightsize {
namespace {

using cedar::EntityUid;
using cedar::ScopeTerm;
using Rule = cedar::ScopeTerm::Rule;

// Of the principal or the resource. Who is in a group can change, so `in` may always match.
bool may_be(const ScopeTerm& term, std::string_view type, std::string_view id) {
  if (type.empty()) return true;
  switch (term.rule) {
    case Rule::kAny:
    case Rule::kIn:
    case Rule::kInAny:
      return true;
    case Rule::kEqual:
      return !term.entities.empty() && term.entities.front().type == type &&
             (id.empty() || term.entities.front().id == id);
    case Rule::kIs:
    case Rule::kIsIn:
      return term.type == type;
  }
  return true;
}

}  // namespace

StandingRights::StandingRights(const Governing& in_force) : in_force_(in_force) {
  std::set<EntityUid> typed;
  if (const auto& types = in_force.snapshot.resource_types; types != nullptr) {
    for (const auto& [type, actions] : *types)
      for (const auto& action : actions) {
        all_.insert({action, type});
        typed.insert(action);
      }
  }
  for (const inventory::Api* api : in_force.inventory.apis())
    for (const auto& name : api->actions) {
      const EntityUid action{api->action_type(), name};
      if (!typed.contains(action)) all_.insert({action, {}});
    }
}

bool StandingRights::is_below(const EntityUid& action, const EntityUid& group) const {
  if (action == group) return true;
  if (const auto& schema = in_force_.snapshot.schema; schema != nullptr) {
    const auto found = schema->actions().find(action);
    if (found != schema->actions().end() && found->second.has_ancestor(group.type, group.id)) return true;
  }
  cedar::Arena arena;
  const auto* entity = in_force_.snapshot.entities->find(arena.entity(action.type, action.id));
  return entity != nullptr && entity->ancestors->contain(arena.entity(group.type, group.id));
}

bool StandingRights::action_matches(const ScopeTerm& term, const EntityUid& action) const {
  if (term.rule == Rule::kAny) return true;
  if (term.rule == Rule::kEqual) return !term.entities.empty() && term.entities.front() == action;
  return std::ranges::any_of(term.entities, [&](const EntityUid& group) { return is_below(action, group); });
}

std::set<Right> StandingRights::granted(const cedar::Policy& policy) const {
  std::set<Right> granted;
  for (const Right& right : all_)
    if (action_matches(policy.action, right.action) && may_be(policy.resource, right.resource_type, {}))
      granted.insert(right);
  return granted;
}

std::set<EntityUid> StandingRights::principals(const cedar::Policy& policy) const {
  std::set<EntityUid> found;
  for (const inventory::Member* member : in_force_.inventory.members()) {
    const auto& identity = member->identity();
    if (identity.kind == inventory::Kind::kUser) continue;
    EntityUid uid{std::string(inventory::cedar_type(identity.kind)), identity.id};
    if (may_be(policy.principal, uid.type, uid.id)) found.insert(std::move(uid));
  }
  return found;
}

bool StandingRights::may_be_principal(const cedar::Policy& policy, const EntityUid& principal) const {
  return may_be(policy.principal, principal.type, principal.id);
}

bool StandingRights::may_match(const cedar::Policy& policy, const EntityUid& principal,
                               const EntityUid& action, std::string_view resource_type) const {
  return may_be(policy.principal, principal.type, principal.id) && action_matches(policy.action, action) &&
         may_be(policy.resource, resource_type, {});
}

}  // namespace writ::rightsize
