// Report: contracts, their differences and findings, as JSON and as text for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "claims/contract.h"
#include "claims/lint.h"
#include "claims/size.h"
#include "codec/json.h"

namespace writ::claims {

// One API's contract, with what goes with it.
struct Sheet {
  const inventory::Api& api;
  const Contract& contract;
  std::vector<std::string> exchanged_for;
  token::AccessClaims example;
  TokenSizes sizes;
};

// How its tokens are minted: "all", "list", "contract".
std::string_view minting_of(const inventory::Api& api) noexcept;

codec::Json to_json(const Sheet& sheet);
std::string to_text(const Sheet& sheet);
// A line.
std::string in_short(const Sheet& sheet);

// Nothing while the example's token, as it is minted, stays within kTokenBudget.
std::optional<ClaimFinding> over_budget(const Sheet& sheet);

// What a change of the configuration makes of the contracts.
struct ContractChange {
  std::string api, claim;
  Carried before, after;              // kLeftOut where one has no such API
  std::optional<Reader> reader = {};  // the first that is new, or gone
};
std::vector<ContractChange> differences(const std::vector<Contract>& before,
                                        const std::vector<Contract>& after);
codec::Json to_json(const std::vector<ContractChange>& differences);
std::string to_text(const std::vector<ContractChange>& differences);

codec::Json to_json(const std::vector<ClaimFinding>& findings);
std::string to_text(const std::vector<ClaimFinding>& findings);

}  // namespace writ::claims
