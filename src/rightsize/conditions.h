// What a permit was used for, and the Cedar conditions that say it. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "rightsize/evidence.h"
#include "rightsize/standing.h"

namespace writ::rightsize {

// Of all uses of one permit.
struct Sightings {
  std::map<cedar::EntityUid, std::set<std::string>> types;  // of resources, by action; "": any
  std::map<std::string, std::set<std::string>> principals;  // ids, by type; "": any of the type
  bool unknown_principal = false;
  std::set<std::string> purposes, environments, addresses;  // "": there was none
  std::set<cedar::EntityUid> resources;
  bool unknown_resource = false;
  std::set<int> hours;

  // One use of it by a party.
  void add(const Shape& shape, const PartyUse& party);
};

// "Billing::Action::\"read\"".
std::string text_of(const cedar::EntityUid& uid);

// Each is empty when there is nothing to narrow to.
std::string rights_condition(const Sightings& seen, const cedar::Policy& policy,
                             const std::set<Right>& granted);
std::string principals_condition(const Sightings& seen, const cedar::Policy& policy,
                                 const std::set<cedar::EntityUid>& possible, std::size_t most);
// `name`: "purpose" or "environment". `others`: there are more values than the seen ones.
std::string text_condition(std::string_view name, const std::set<std::string>& seen,
                           const cedar::Policy& policy, bool others);
std::string resources_condition(const Sightings& seen);
std::string addresses_condition(const Sightings& seen);
std::string hours_condition(const Sightings& seen);

}  // namespace writ::rightsize
