// Minted claims: what a token for an API carries. By its list, where its configuration has one; by its
// contract (docs/claims.md), where it goes by that; else everything that is known.
//
// Contracts are computed where policies are loaded (claims/contract.h), and are in force with them. To mint
// by one is a look-up. Immutable.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "decision/decision.h"
#include "token/claims.h"

namespace writ::decision {

class MintedClaims {
 public:
  struct OfApi {
    token::ClaimsContract outside_tasks;
    // Where the token's task says the same purpose, the token need not.
    token::ClaimsContract in_task;
  };
  using ByApi = std::unordered_map<std::string, OfApi>;

  explicit MintedClaims(ByApi by_api) : by_api_(std::move(by_api)) {}

  // Null: nobody computed one, and tokens carry everything.
  const OfApi* find(const std::string& api) const noexcept {
    const auto found = by_api_.find(api);
    return found != by_api_.end() ? &found->second : nullptr;
  }

 private:
  ByApi by_api_;
};

// What a token with these claims carries. `task` is that of the claims; null: it has none, or nobody knows
// it. Fails when the API's list names what is not a claim.
Result<token::ClaimsContract> minted_claims(const inventory::Api& api, const PolicySnapshot& policies,
                                            const token::AccessClaims& claims, const task::LiveTask* task);

}  // namespace writ::decision
