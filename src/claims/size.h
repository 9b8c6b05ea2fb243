// Size: how long a token is, by its contract and with everything, as the minter makes it of an example's
// claims.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "claims/contract.h"
#include "inventory/identity.h"
#include "token/minter.h"

namespace writ::claims {

inline constexpr std::size_t kTokenBudget = 1024;  // bytes

struct ExampleFacts {
  std::span<const inventory::Identity> identities;
  std::string issuer;
  std::string provider = {};  // an identity provider's issuer; empty: there is none
  std::size_t max_chain = 4;
  Instant now;
};

// The claims of a long token for the API, of the inventory's own names: for a user through the longest chain
// of agents that it has, in a task, bound to a key, with all that is known.
token::AccessClaims example_claims(const inventory::Api& api, const ExampleFacts& facts);

struct TokenSizes {  // bytes
  std::size_t everything, by_contract;
  std::size_t now;  // as the API's tokens are minted
};
Result<TokenSizes> sizes_of(const inventory::Api& api, const Contract& contract,
                            const token::AccessClaims& example, const token::Minter& minter);

}  // namespace writ::claims
