// Who says yes: people. A user's token, carried by an application or service, with no agent in its chain.
#pragma once

#include <string>
#include <vector>

#include "control/failure.h"
#include "inventory/snapshot.h"
#include "task/registry.h"
#include "token/claims.h"

namespace writ::control {

// Everybody who takes part in a request: the subject, the client and the actors, each once.
std::vector<std::string> parties_of(const token::AccessClaims& claims);

struct Person {
  std::string user;
  std::vector<std::string> through;  // the other parties to the request

  task::Approver approver() const { return {user, {through.begin(), through.end()}}; }
};

// kConflict when the caller is not a person, or an agent takes part.
Answer<Person> person_of(const token::AccessClaims& claims, const inventory::Snapshot& inventory);

}  // namespace writ::control
