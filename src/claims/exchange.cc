#include "claims/exchange.h"

#include <algorithm>

namespace writ::claims {
namespace {

using cedar::EntityUid;
using cedar::Expr;
using cedar::ExprKind;
using Rule = cedar::ScopeTerm::Rule;
using Ids = std::optional<std::set<std::string>>;

constexpr std::string_view kApiType = "Writ::Api";
constexpr std::string_view kUserType = "Writ::User";
const EntityUid kIssue{"Writ::Action", "issue"};

bool is_resource(const Expr& expr) {
  return expr.kind == ExprKind::kVariable && expr.variable() == cedar::Variable::kResource;
}

void narrow(Ids& ids, const std::set<std::string>& to) {
  if (!ids) {
    ids = to;
    return;
  }
  std::erase_if(*ids, [&](const std::string& id) { return !to.contains(id); });
}

// `resource == Writ::Api::"a"`, `[Writ::Api::"a", Writ::Api::"b"].contains(resource)`, and all of several.
void narrow(Ids& ids, const Expr& condition) {
  if (condition.kind == ExprKind::kAnd) {
    for (const Expr& each : condition.operands) narrow(ids, each);
    return;
  }
  std::set<std::string> named;
  const auto add = [&](const Expr& entity) {
    if (entity.kind != ExprKind::kEntity) return false;
    if (entity.text == kApiType) named.insert(entity.names[0]);
    return true;
  };
  if (condition.kind == ExprKind::kEqual) {
    const Expr &left = condition.operands[0], &right = condition.operands[1];
    const bool is_named = is_resource(left) ? add(right) : is_resource(right) && add(left);
    if (is_named) narrow(ids, named);
  }
  if (condition.kind == ExprKind::kContains && condition.operands[0].kind == ExprKind::kSet &&
      is_resource(condition.operands[1]) && std::ranges::all_of(condition.operands[0].operands, add))
    narrow(ids, named);
}

}  // namespace

bool Holders::may_share_with(const Holders& other) const {
  if (none() || other.none()) return false;
  if (any || other.any) return true;
  const auto meets = [](const Holders& a, const Holders& b) {
    return std::ranges::any_of(a.types, [&](const auto& type) { return b.types.contains(type); }) ||
           std::ranges::any_of(a.uids, [&](const EntityUid& uid) {
             return b.uids.contains(uid) || b.types.contains(uid.type);
           });
  };
  return meets(*this, other) || meets(other, *this);
}

void Holders::add(const cedar::ScopeTerm& principal) {
  switch (principal.rule) {
    case Rule::kEqual:
      if (principal.slot || principal.entities.empty()) {
        any = true;
      } else if (principal.entities[0].type != kUserType) {
        uids.insert(principal.entities[0]);
      }
      return;
    case Rule::kIs:
    case Rule::kIsIn:
      if (principal.type != kUserType) types.insert(principal.type);
      return;
    case Rule::kAny:
    case Rule::kIn:
    case Rule::kInAny:
      any = true;
  }
}

void Holders::add(const Holders& others) {
  any = any || others.any;
  types.insert(others.types.begin(), others.types.end());
  uids.insert(others.uids.begin(), others.uids.end());
}

bool may_be_about_issuing(const cedar::Policy& policy) {
  const auto& action = policy.action;
  if (action.rule == Rule::kAny) return true;
  if (std::ranges::find(action.entities, kIssue) != action.entities.end()) return true;
  // A group of actions may hold it.
  return action.rule != Rule::kEqual;
}

Ids apis_in_scope(const cedar::Policy& policy) {
  const auto& resource = policy.resource;
  const bool other_type =
      (resource.rule == Rule::kIs || resource.rule == Rule::kIsIn) && resource.type != kApiType;
  if (other_type) return std::set<std::string>();
  if (resource.rule != Rule::kEqual || resource.slot || resource.entities.empty()) return std::nullopt;
  const EntityUid& one = resource.entities[0];
  return one.type == kApiType ? std::set<std::string>{one.id} : std::set<std::string>();
}

Ids apis_left_by(const cedar::Policy& permit) {
  auto ids = apis_in_scope(permit);
  for (const auto& condition : permit.conditions) {
    if (!condition.unless) narrow(ids, condition.body);
  }
  return ids;
}

}  // namespace writ::claims
