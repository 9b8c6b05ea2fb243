// Lint: what is wrong between what tokens carry and what is read. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "claims/contract.h"

namespace writ::claims {

// What the rest of the configuration supplies.
struct Supply {
  bool providers = false;     // some identity provider is trusted
  bool tenants = false;       // some identity has a tenant
  bool environments = false;  // some identity has an environment
  using Names = std::map<std::string, std::set<std::string>, std::less<>>;
  Names amounts, input;  // by API, what its routes find
};

struct ClaimFinding {
  std::string_view kind;  // "unread", "reveals", "missing", "unsupplied", "over-budget"
  std::string api;        // empty: it is of none
  std::string subject;    // the claim, or the path
  std::string message;    // for people
  std::string help;       // what to do
  files::Place place = {};
};

// In the order of the APIs, then of the policies. `contracts` are those of `known`.
std::vector<ClaimFinding> lint(const Known& known, const std::vector<Contract>& contracts,
                               const Supply& supply);

}  // namespace writ::claims
