// UserNames: below which prefix which provider names its users. Nobody else has an id that begins so, since
// it could be mistaken for one of them. Asked for what the configuration declares, and for what is added over
// the API.
//
// Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inventory/identity.h"

namespace writ::inventory {

struct UserNames {
  std::string issuer;
  std::string prefix;  // empty: no id is kept for it
};

// What is wrong with the identity's id; nothing: nothing is.
std::optional<std::string> id_problem(const Identity& identity, const std::vector<UserNames>& names);

}  // namespace writ::inventory
