#include "policy/contract_sheets.h"

#include <fmt/format.h>

#include "token/key_ring.h"

namespace writ::policy {
namespace {

claims::Supply supply_of(const Loaded& loaded) {
  claims::Supply supply{.providers = !loaded.config.trusted_issuers.empty()};
  for (const auto& identity : loaded.world.declared.identities) {
    supply.tenants = supply.tenants || identity.tenant;
    supply.environments = supply.environments || identity.environment;
  }
  for (const auto& route : loaded.world.routes) {
    for (const auto& [name, place] : route.amounts) supply.amounts[route.api].insert(name);
    for (const auto& fact : route.facts) supply.input[route.api].insert(fact.name);
  }
  return supply;
}

}  // namespace

ContractSheets::ContractSheets(const Loaded& loaded)
    : loaded_(loaded),
      sources_(loaded.policies, loaded.world),
      contracts_(claims::contracts_of(sources_.known())) {}

Result<std::vector<claims::Sheet>> ContractSheets::sheets(const std::string& only, bool in_short,
                                                          Instant now) const {
  const auto& config = loaded_.config;
  std::vector<jose::PrivateJwk> keys;
  keys.push_back(TRY(jose::PrivateJwk::generate(config.token_algorithm)));
  const auto ring = TRY(token::KeyRing::of(std::move(keys)));
  const token::Minter minter(*ring);
  const auto& declared = loaded_.world.declared;
  claims::ExampleFacts facts{.identities = declared.identities,
                             .issuer = config.issuer,
                             .max_chain = loaded_.policies.snapshot->max_chain,
                             .now = now};
  if (!config.trusted_issuers.empty()) facts.provider = config.trusted_issuers.front().issuer;
  std::vector<claims::Sheet> sheets;
  for (std::size_t i = 0; i < declared.apis.size(); ++i) {
    const auto& api = declared.apis[i];
    if (!only.empty() && api.id != only) continue;
    auto example = claims::example_claims(api, facts);
    const auto sizes = TRY(claims::sizes_of(api, contracts_[i], example, minter));
    auto others = in_short ? std::vector<std::string>() : claims::exchanged_for(sources_.known(), api.id);
    sheets.push_back({.api = api,
                      .contract = contracts_[i],
                      .exchanged_for = std::move(others),
                      .example = std::move(example),
                      .sizes = sizes});
  }
  if (sheets.empty() && !only.empty())
    return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", only));
  return sheets;
}

Result<std::vector<claims::ClaimFinding>> ContractSheets::lint(Instant now) const {
  auto findings = claims::lint(sources_.known(), contracts_, supply_of(loaded_));
  const auto all = TRY(sheets({}, true, now));
  for (const auto& sheet : all) {
    if (auto found = claims::over_budget(sheet)) findings.push_back(*std::move(found));
  }
  return findings;
}

}  // namespace writ::policy
