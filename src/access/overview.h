// Overview: all identities at a glance, for a picture. Those of equal answer are one group: of one kind,
// acting for the same groups, and reaching the same by the same role.
//
// Plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "access/asker.h"

namespace writ::access {

// How much of an API's use a group has: as whom the request is for (users), or as who sends it (the others).
struct Reaching {
  std::size_t actions = 0;  // that some chain of it may
  bool always = false;      // one of them always
  bool open = false;        // none of them is witnessed or always: nobody knows
};

struct Group {
  inventory::Kind kind;
  std::vector<const ChainLink*> members;    // never empty; in the order of ids
  bool active = true;                       // they may take part at all
  bool any_user = false;                    // acts for whichever user
  std::vector<std::size_t> acts_for;        // other groups, by place
  std::map<std::string, Reaching> reaches;  // by the API's id
};

struct Overview {
  std::vector<std::string> apis;
  std::vector<Group> groups;  // users first, then applications, services, agents
};

// `answered`: of all chains and the APIs that are to be shown.
Overview overview_of(const Asker& asker, const Answered& answered, std::vector<std::string> apis);

}  // namespace writ::access
