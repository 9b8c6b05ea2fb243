#include "policy/contracts.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <unordered_set>

#include "audit/record.h"

namespace writ::policy {
namespace {

bool have_parents(const cedar::Entities& entities) {
  return std::ranges::any_of(
      entities.all(), [](const cedar::Entity& entity) { return cedar::is_action_type(entity.uid.type()); });
}

const token::Claim& claim_of(std::string_view name) {
  return *std::ranges::find(token::claim_table(), name, &token::Claim::name);
}

std::string told_at_once(std::string_view api, std::string_view claim, Duration left) {
  return fmt::format(
      "the tokens of API `{}` carry `{}` from now on; those that were issued before do not, and for up to {} "
      "s "
      "they are decided as if nobody knew it",
      api, claim, std::chrono::ceil<std::chrono::seconds>(left).count());
}

void warn_of(const Lack& lack, const Growth& growth, files::Issues& issues) {
  const auto& [api, claim, reader] = lack.need;
  const auto why = claims::text_of(reader);
  if (growth.waiting.empty())
    return issues.warning(reader.place,
                          fmt::format("{}: {}", told_at_once(api, claim, lack.until - growth.now), why),
                          "a reload without `--at-once` waits until all tokens carry it");
  issues.warning(
      reader.place,
      fmt::format("the tokens of API `{}` carry `{}` from now on; those that were issued before do not, "
                  "for up to {} s, so policies {} take force at {}: {}",
                  api, claim, std::chrono::ceil<std::chrono::seconds>(lack.until - growth.now).count(),
                  growth.waiting, audit::format_time(*end_of(growth.lacks)), why),
      "`writ policies reload --at-once` does not wait; tokens without the claim are then decided as if "
      "nobody knew it");
}

}  // namespace

ContractSources::ContractSources(const LoadedPolicies& policies, const config::World& world) {
  add(policies);
  known_.apis = world.declared.apis;
  known_.policies = policies_;
  known_.schema = policies.schema.get();
  known_.actions_have_parents = have_parents(*policies.snapshot->entities);
  for (const auto& upstream : world.upstreams) known_.forwarded.insert(upstream.api);
  known_.own_api = config::kOwnApi;
}

ContractSources::ContractSources(const LoadedPolicies& next, const LoadedPolicies& in_force,
                                 const config::World& world)
    : ContractSources(next, world) {
  add(in_force);
  known_.policies = policies_;
  // Which actions a group has, each set says for itself; so it may have any.
  known_.actions_have_parents = known_.actions_have_parents || known_.schema != nullptr ||
                                in_force.schema != nullptr || have_parents(*in_force.snapshot->entities);
  known_.schema = nullptr;
}

void ContractSources::add(const LoadedPolicies& loaded) {
  const auto add_all = [&](const std::vector<cedar::Policy>& policies,
                           const std::vector<PolicySource>& sources, bool shadow) {
    for (std::size_t i = 0; i < policies.size(); ++i)
      policies_.push_back(
          {&policies[i], shadow, [&source = sources[i]](cedar::Span span) { return source.place_of(span); }});
  };
  add_all(loaded.policies.policies, loaded.sources, false);
  add_all(loaded.shadow_policies, loaded.shadow_sources, true);
}

std::shared_ptr<const decision::MintedClaims> minted_claims_of(const claims::Known& known) {
  std::unordered_set<std::string_view> by_contract;
  for (const auto& api : known.apis)
    if (api.by_contract) by_contract.insert(api.id);
  if (by_contract.empty()) return nullptr;
  decision::MintedClaims::ByApi by_api;
  for (auto& contract : claims::contracts_of(known))
    if (by_contract.contains(contract.api)) by_api.emplace(contract.api, contract.minted);
  return std::make_shared<const decision::MintedClaims>(std::move(by_api));
}

std::shared_ptr<const decision::MintedClaims> minted_claims_of(const LoadedPolicies& policies,
                                                               const config::World& world) {
  if (std::ranges::none_of(world.declared.apis, &inventory::Api::by_contract)) return nullptr;
  return minted_claims_of(ContractSources(policies, world).known());
}

MintedSince::ByApi minted_by_api(const decision::PolicySnapshot& policies,
                                 std::span<const inventory::Api> apis) {
  MintedSince::ByApi all;
  for (const auto& api : apis) {
    // A list that names what is not a claim was refused before.
    if (auto minted = decision::minted_claims(api, policies, {}, nullptr)) all.emplace(api.id, *minted);
  }
  return all;
}

std::vector<DecidingNeed> needed_to_decide(const claims::Known& known) {
  std::vector<inventory::Api> apis(known.apis.begin(), known.apis.end());
  for (auto& api : apis) {
    api.by_contract = true;
    api.reads.clear();
    api.claims.reset();
  }
  std::vector<claims::PolicyAt> policies;
  std::ranges::copy_if(known.policies, std::back_inserter(policies),
                       [](const claims::PolicyAt& each) { return !each.shadow; });
  claims::Known deciding = known;
  deciding.apis = apis;
  deciding.policies = policies;
  std::vector<DecidingNeed> needs;
  for (const auto& contract : claims::contracts_of(deciding)) {
    for (const auto& need : contract.claims) {
      if (need.carried == claims::Carried::kAlways) continue;
      const auto reader = std::ranges::find_if(need.readers, [](const claims::Reader& each) {
        return each.kind == claims::Reader::Kind::kPolicy || each.kind == claims::Reader::Kind::kExchange;
      });
      if (reader != need.readers.end()) needs.push_back({contract.api, need.claim, *reader});
    }
  }
  return needs;
}

std::vector<Lack> lacks_of(const claims::Known& known, const MintedSince::ByApi& carried,
                           const MintedSince& minted, Instant now) {
  std::vector<Lack> lacks;
  if (minted.empty()) return lacks;
  for (auto& need : needed_to_decide(known)) {
    const auto until = minted.lacked_until(need.api, need.claim, now);
    // What no token is going to carry either is not waited for: `writ claims lint` tells of it.
    const auto contract = carried.find(need.api);
    if (until && contract != carried.end() && contract->second.wants(claim_of(need.claim)))
      lacks.push_back({std::move(need), *until});
  }
  return lacks;
}

std::optional<Instant> end_of(std::span<const Lack> lacks) {
  if (lacks.empty()) return std::nullopt;
  return std::ranges::max(lacks, {}, &Lack::until).until;
}

void warn_of_grown_contracts(const decision::PolicySnapshot& before, const config::World& world_before,
                             const decision::PolicySnapshot& now, const config::World& world_now,
                             const Growth& growth, files::Issues& issues) {
  for (const Lack& lack : growth.lacks) warn_of(lack, growth, issues);
  const auto is_told = [&](std::string_view api, std::string_view claim) {
    return std::ranges::any_of(
        growth.lacks, [&](const Lack& lack) { return lack.need.api == api && lack.need.claim == claim; });
  };
  const auto carried_before = minted_by_api(before, world_before.declared.apis);
  for (const auto& [api, carries] : minted_by_api(now, world_now.declared.apis)) {
    const auto carried = carried_before.find(api);
    if (carried == carried_before.end()) continue;
    for (const auto& claim : token::claim_table()) {
      if (carried->second.wants(claim) || !carries.wants(claim) || is_told(api, claim.name)) continue;
      issues.warning({}, told_at_once(api, claim.name, growth.token_lifetime),
                     fmt::format("`writ claims contract {}` says who reads it", api));
    }
  }
}

}  // namespace writ::policy
