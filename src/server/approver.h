// Who says yes: people. A user's token, carried by an application or service, with no agent in its chain.
#pragma once

#include <string>
#include <vector>

#include "inventory/snapshot.h"
#include "server/own_api.h"
#include "task/registry.h"

namespace writ::server {

// Everybody who takes part in a request: the subject, the client and the actors, each once.
std::vector<std::string> parties_of(const token::AccessClaims& claims);

struct Person {
  std::string user;
  std::vector<std::string> through;  // the other parties to the request

  task::Approver approver() const { return {user, {through.begin(), through.end()}}; }
};

// 409 for whoever is none.
Answer<Person> person_of(const token::AccessClaims& claims, const inventory::Snapshot& inventory);

}  // namespace writ::server
