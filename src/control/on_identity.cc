#include "control/on_identity.h"

namespace writ::control {
namespace {

enforce::EntityName name_of(const inventory::Member& member) {
  return {inventory::cedar_type(member->kind), member->id};
}

enforce::Attributes attributes_of(const inventory::Member& member) {
  return [&member](cedar::Arena&) { return member.attributes(); };
}

}  // namespace

Answer<enforce::Permit> allow_on_identity(const Authority& authority, const Caller& caller,
                                          std::string_view action, const inventory::Member* member,
                                          Authority::Presence presence, Error absent, Stops stops) {
  if (member != nullptr)
    return authority.allow_on(
        caller, action,
        {name_of(*member), attributes_of(*member), kReadInventory, presence, std::move(absent)}, stops);
  auto permit = TRY(authority.allow_on(
      caller, action, {{"Writ::Api", kOwnApi}, {}, kReadInventory, presence, absent}, stops));
  if (permit.tenant()) return std::unexpected(Failure(std::move(absent)));
  return permit;
}

bool may_see_identity(const Authority& authority, const Caller& caller, const enforce::Permit& permit,
                      const inventory::Member* member) {
  if (member == nullptr) return !permit.tenant();
  return authority.would_allow(caller, kReadInventory, name_of(*member), attributes_of(*member));
}

}  // namespace writ::control
