// Workload profiles: what the platforms' tokens say of a workload, and what a rule of the inventory has to
// pin so that nobody else on the same platform satisfies it: no fork, no other branch, namespace or account.
//
// One table (workload_profiles.cc); docs/workloads.md says the same. Constant data; pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/denial.h"
#include "codec/json.h"
#include "inventory/workload.h"

namespace writ::oauth {

struct WorkloadProfile {
  std::string_view name;  // "github"
  // The platform hands a workload the same token again and again, so it is used more than once within its
  // short life. Where it does not, a token needs a `jti`, and is good once.
  bool used_again = false;
  std::string_view type = {};  // of the header, beside `JWT` and none

  struct Fact {
    std::string_view name;
    std::vector<std::string> claim;
  };
  std::span<const Fact> facts = {};  // where they are, unless a rule says otherwise
};

std::span<const WorkloadProfile> workload_profiles();
const WorkloadProfile* find_workload_profile(std::string_view name);  // null: there is none

// What a rule lacks, and what to do about it. An audience is looked at where the rule names one.
struct RuleProblem {
  std::string what;
  std::string help;
};
std::vector<RuleProblem> problems_of(const WorkloadProfile& profile, const inventory::WorkloadRule& rule);

// Why a token of the platform is no client's, whatever the rules say: it is for something else, or others
// than those that the platform names could have made it run.
std::optional<Denial> never_a_client(const WorkloadProfile& profile, const codec::Json& claims);

}  // namespace writ::oauth
