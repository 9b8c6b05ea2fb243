#include "policy/contracts.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::policy {
namespace {

bool have_parents(const cedar::Entities& entities) {
  return std::ranges::any_of(
      entities.all(), [](const cedar::Entity& entity) { return cedar::is_action_type(entity.uid.type()); });
}

const inventory::Api* api_of(const config::World& world, std::string_view id) {
  const auto found = std::ranges::find(world.declared.apis, id, &inventory::Api::id);
  return found != world.declared.apis.end() ? &*found : nullptr;
}

}  // namespace

ContractSources::ContractSources(const LoadedPolicies& loaded, const config::World& world) {
  const auto add = [&](const std::vector<cedar::Policy>& policies, const std::vector<PolicySource>& sources,
                       bool shadow) {
    for (std::size_t i = 0; i < policies.size(); ++i)
      policies_.push_back(
          {&policies[i], shadow, [&source = sources[i]](cedar::Span span) { return source.place_of(span); }});
  };
  add(loaded.policies.policies, loaded.sources, false);
  add(loaded.shadow_policies, loaded.shadow_sources, true);
  known_.apis = world.declared.apis;
  known_.policies = policies_;
  known_.schema = loaded.schema.get();
  known_.actions_have_parents = have_parents(*loaded.snapshot->entities);
  for (const auto& upstream : world.upstreams) known_.forwarded.insert(upstream.api);
  known_.own_api = config::kOwnApi;
}

std::shared_ptr<const decision::MintedClaims> minted_claims_of(const LoadedPolicies& policies,
                                                               const config::World& world) {
  if (std::ranges::none_of(world.declared.apis, &inventory::Api::by_contract)) return nullptr;
  const ContractSources sources(policies, world);
  decision::MintedClaims::ByApi by_api;
  for (auto& contract : claims::contracts_of(sources.known())) {
    if (api_of(world, contract.api)->by_contract) by_api.emplace(contract.api, contract.minted);
  }
  return std::make_shared<const decision::MintedClaims>(std::move(by_api));
}

void warn_of_grown_contracts(const decision::PolicySnapshot& before, const config::World& world_before,
                             const decision::PolicySnapshot& now, const config::World& world_now,
                             Duration token_lifetime, files::Issues& issues) {
  std::unordered_map<std::string_view, const inventory::Api*> old_apis;
  for (const auto& api : world_before.declared.apis) old_apis.emplace(api.id, &api);
  for (const auto& api : world_now.declared.apis) {
    const auto old_api = old_apis.find(api.id);
    if (old_api == old_apis.end()) continue;
    const auto carried = decision::minted_claims(*old_api->second, before, {}, nullptr);
    const auto carries = decision::minted_claims(api, now, {}, nullptr);
    if (!carried || !carries) continue;
    for (const auto& claim : token::claim_table()) {
      if (carried->wants(claim) || !carries->wants(claim)) continue;
      issues.warning(
          {},
          fmt::format(
              "the tokens of API `{}` carry `{}` from now on; those that were issued before do not, and "
              "for up to {} s they are decided as if nobody knew it",
              api.id, claim.name, std::chrono::duration_cast<std::chrono::seconds>(token_lifetime).count()),
          fmt::format(
              "`writ claims contract {}` says who reads it; to be sure, put `reads: [{}]` in force that "
              "long before the policies",
              api.id, claim.name));
    }
  }
}

}  // namespace writ::policy
