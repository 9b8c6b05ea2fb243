#include "control/people.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::control {
std::vector<std::string> parties_of(const token::AccessClaims& claims) {
  std::vector<std::string> parties{claims.subject};
  const auto add = [&](const std::string& id) {
    if (std::ranges::find(parties, id) == parties.end()) parties.push_back(id);
  };
  add(claims.client_id);
  for (const auto& actor : claims.actors) add(actor.subject);
  return parties;
}

Answer<Person> person_of(const token::AccessClaims& claims, const inventory::Snapshot& inventory) {
  Person person{claims.subject, {}};
  for (const auto& party : parties_of(claims)) {
    const auto* known = inventory.find(party);
    const bool is_person =
        known == nullptr ? party != claims.client_id : (*known)->kind == inventory::Kind::kUser;
    if (party == claims.subject && !is_person)
      return conflict(fmt::format("`{}` is not a user: only people approve", party));
    if (known != nullptr && (*known)->kind == inventory::Kind::kAgent)
      return conflict(
          fmt::format("agent `{}` takes part in this request: people approve without agents", party));
    if (party != claims.subject) person.through.push_back(party);
  }
  return person;
}

}  // namespace writ::control
