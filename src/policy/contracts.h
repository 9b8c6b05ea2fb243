// Claims contracts of what was loaded (claims/contract.h): for what is minted, for `writ claims`, and for the
// warning of a reload that makes them grow.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "claims/contract.h"
#include "config/world.h"
#include "files/issue.h"
#include "policy/policies.h"

namespace writ::policy {

// Borrows both.
class ContractSources {
 public:
  ContractSources(const LoadedPolicies& policies, const config::World& world);
  ContractSources(const ContractSources&) = delete;
  ContractSources& operator=(const ContractSources&) = delete;

  const claims::Known& known() const noexcept { return known_; }

 private:
  std::vector<claims::PolicyAt> policies_;
  claims::Known known_;
};

// Null where every API says what its tokens carry in another way.
std::shared_ptr<const decision::MintedClaims> minted_claims_of(const LoadedPolicies& policies,
                                                               const config::World& world);

// A warning for each claim that the tokens of an API carried not before and carry now: for so long as a token
// lives, there are some without it.
void warn_of_grown_contracts(const decision::PolicySnapshot& before, const config::World& world_before,
                             const decision::PolicySnapshot& now, const config::World& world_now,
                             Duration token_lifetime, files::Issues& issues);

}  // namespace writ::policy
