// What policies compare with what: the texts and instants that they name, and the attributes that they take
// for optional. What they never name they cannot tell apart, so nobody has to try it. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cedar/ast.h"

namespace writ::policytest {

struct PolicyFacts {
  // By the name of an attribute: the texts it is compared with, or looked for in. "purpose": "support".
  std::map<std::string, std::set<std::string>, std::less<>> texts;
  std::set<Instant> instants;               // datetime("2026-03-02")
  bool time_of_day = false;                 // something reads it: toTime()
  std::set<std::string> of_some_resources;  // `resource has NAME`

  const std::set<std::string>& texts_of(std::string_view attribute) const;
  static PolicyFacts of(const cedar::PolicySet& policies);
  // Of those policies only that may be asked about actions of this type.
  static PolicyFacts of_actions(const cedar::PolicySet& policies, std::string_view action_type);
};

}  // namespace writ::policytest
