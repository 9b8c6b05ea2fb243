#include "control/on_identity.h"

#include <fmt/format.h>

namespace writ::control {

enforce::EntityName entity_name(const inventory::Member& member) {
  return {inventory::cedar_type(member->kind), member->id};
}

enforce::Attributes entity_attributes(const inventory::Member& member) {
  return [&member](cedar::Arena&) { return member.attributes(); };
}

Answer<enforce::Permit> allow_on_identity(const Authority& authority, const Caller& caller,
                                          std::string_view action, const inventory::Member* member,
                                          Authority::Presence presence, Error absent, Stops stops) {
  if (member != nullptr) {
    auto permit = TRY(authority.allow_on(
        caller, action,
        {entity_name(*member), entity_attributes(*member), kReadInventory, presence, std::move(absent)},
        stops));
    if (action != kReadInventory && permit.tenant() && !(*member)->tenant)
      return of_all_tenants(permit, fmt::format("`{}` has no tenant and is", (*member)->id));
    return permit;
  }
  auto permit = TRY(authority.allow_on(
      caller, action, {{"Writ::Api", kOwnApi}, {}, kReadInventory, presence, absent}, stops));
  if (permit.tenant()) return std::unexpected(Failure(std::move(absent)));
  return permit;
}

bool may_see_identity(const Authority& authority, const Caller& caller, const enforce::Permit& permit,
                      const inventory::Member* member) {
  if (member == nullptr) return !permit.tenant();
  return authority.would_allow(caller, kReadInventory, entity_name(*member), entity_attributes(*member));
}

}  // namespace writ::control
