// ContractSheets: the claims contracts of a configuration with all that goes with them: what its tokens may
// be exchanged for, how long they are, and what is wrong. For `writ claims`, the report and /v1.
//
// Borrows what was loaded. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "claims/report.h"
#include "policy/contracts.h"
#include "policy/load.h"

namespace writ::policy {

class ContractSheets {
 public:
  explicit ContractSheets(const Loaded& loaded);

  const std::vector<claims::Contract>& contracts() const noexcept { return contracts_; }

  // Of all APIs, or of one: kNotFound when there is none of that id. `in_short`: without what tokens may be
  // exchanged for.
  Result<std::vector<claims::Sheet>> sheets(const std::string& only, bool in_short, Instant now) const;
  // Also of tokens that are too long.
  Result<std::vector<claims::ClaimFinding>> lint(Instant now) const;

 private:
  const Loaded& loaded_;
  const ContractSources sources_;
  const std::vector<claims::Contract> contracts_;
};

}  // namespace writ::policy
