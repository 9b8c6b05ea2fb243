// What must hold beside the expected outcome of a case: printing, formatting and policy JSON keep the
// policies, residual policies decide as the whole set does, and the access manifest names everything that is
// read.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "cedar/authorize.h"
#include "cedar/manifest.h"

namespace writ::testing {

struct Outcome {
  bool allowed = false;
  std::set<std::string> reason;
  std::set<std::string> errors;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decide(const cedar::CompiledPolicySet& policies, const cedar::Request& request,
               const cedar::Entities& entities);

// Each fails with what does not hold. The first answers the policies as policy JSON has them, which have to
// decide the same.
Result<cedar::PolicySet> check_representations(const cedar::PolicySet& policies);
Result<void> check_partial(const cedar::CompiledPolicySet& policies, const cedar::Request& request,
                           const cedar::Entities& entities);
// Takes away what the manifest does not name.
Result<void> check_manifest(const std::vector<cedar::PolicyAccess>& manifest,
                            const cedar::CompiledPolicySet& policies, const cedar::Request& request,
                            const cedar::Entities& entities);

}  // namespace writ::testing
