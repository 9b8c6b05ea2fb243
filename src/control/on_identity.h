// On an identity: may a caller do something to it, or to what it has (its status, its grants, its API keys)?
//
// Of one that is not listed there are no facts and no tenant. So that takes a caller who may see or change
// all of Writ, and who is of no tenant either. So does a change of one without a tenant: it serves all of
// them. Internal to control. Thread-safe; waits for the audit.
#pragma once

#include "control/authority.h"
#include "inventory/directory.h"

namespace writ::control {

// What it takes to see an identity.
constexpr std::string_view kReadInventory = "read-inventory";

// An identity as a resource. It must outlive both.
enforce::EntityName entity_name(const inventory::Member& member);
enforce::Attributes entity_attributes(const inventory::Member& member);

// `member` is null for one that is not listed. Otherwise as Authority::allow_on().
Answer<enforce::Permit> allow_on_identity(const Authority& authority, const Caller& caller,
                                          std::string_view action, const inventory::Member* member,
                                          Authority::Presence presence, Error absent,
                                          Stops stops = Stops::kNo);

// For lists: silently. `permit` is the caller's, to read the inventory.
bool may_see_identity(const Authority& authority, const Caller& caller, const enforce::Permit& permit,
                      const inventory::Member* member);

}  // namespace writ::control
