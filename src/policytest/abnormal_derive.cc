// The token, and those who take part.
#include "policytest/abnormal_derive.h"

#include <algorithm>
#include <fmt/format.h>

#include "control/own_api.h"
#include "decision/minted_claims.h"

namespace writ::policytest {

using inventory::Identity;
using inventory::Kind;

namespace {

constexpr Duration kOld = std::chrono::hours(24);
constexpr Duration kStillGood = std::chrono::hours(1);
constexpr Duration kLongAgo = std::chrono::hours(24 * 365);

}  // namespace

Surroundings Surroundings::of(const policy::Loaded& loaded) {
  const auto& policies = loaded.policies.policies;
  Surroundings surroundings{loaded, PolicyFacts::of(policies), {}};
  for (const auto& api : loaded.world.declared.apis)
    surroundings.facts_of_api[api.id] = PolicyFacts::of_actions(policies, api.action_type());
  return surroundings;
}

std::vector<Variant> derive(const Surroundings& surroundings, const Suite& suite, const RequestSpec& original,
                            const Answer& permit) {
  return Deriver(surroundings, suite, original, permit).derive();
}

Deriver::Deriver(const Surroundings& surroundings, const Suite& suite, const RequestSpec& original,
                 const Answer& permit)
    : surroundings_(surroundings),
      suite_(suite),
      original_(original),
      permit_(permit),
      ways_(surroundings.loaded),
      way_(ways_.of(original.target)) {
  const auto task = std::ranges::find_if(
      suite.tasks, [&](const TaskFixture& each) { return each.task.id == original.token.task; });
  if (task != suite.tasks.end()) task_ = &task->task;
  const auto api = std::ranges::find(suite.world.apis, permit.api, &inventory::Api::id);
  if (api != suite.world.apis.end()) api_ = &*api;
  const auto facts =
      surroundings.facts_of_api.find(original.target.issue ? control::kOwnApi : std::string_view(permit.api));
  if (facts != surroundings.facts_of_api.end()) facts_ = &facts->second;
}

std::vector<Variant> Deriver::derive() {
  parties();
  places();
  token();
  chain();
  window();
  other_times();
  addresses();
  task();
  actions();
  resources();
  routes();
  claims();
  attributes();
  tasks_made_out();
  return std::move(variants_);
}

RequestSpec& Deriver::add(Dimension dimension, std::string what, Before before) {
  variants_.push_back({dimension, std::move(what), original_, before, nullptr});
  return variants_.back().request;
}

void Deriver::add_in(Dimension dimension, std::string what, ChangedWorld world) {
  if (world == nullptr) return;
  add(dimension, std::move(what));
  variants_.back().world = std::move(world);
}

const Identity* Deriver::identity(std::string_view id) const {
  const auto found = std::ranges::find(suite_.world.identities, id, &Identity::id);
  return found != suite_.world.identities.end() ? &*found : nullptr;
}

void Deriver::parties() {
  const TokenSpec& token = original_.token;
  for (const Identity& other : suite_.world.identities) {
    if (other.kind == Kind::kUser || other.id == token.client) continue;
    const auto what = fmt::format("{} in place of {}", other.id, token.client);
    RequestSpec& request = add(Dimension::kOtherApplication, what);
    request.token.client = other.id;
    if (!for_user()) request.token.subject = other.id;
    const auto in_chain = std::ranges::find(token.actors, token.client, &token::Actor::subject);
    if (in_chain == token.actors.end()) continue;
    RequestSpec in_both = request;
    in_both.token.actors[static_cast<std::size_t>(in_chain - token.actors.begin())] = {other.id,
                                                                                       std::nullopt};
    add(Dimension::kOtherApplication, what + ", in the chain too") = std::move(in_both);
  }
  if (!original_.target.issue) {
    RequestSpec& request = add(Dimension::kNoToken, "without a token");
    request.token = {};
    request.token.present = false;
  }
  if (!for_user()) return;
  for (const Identity& other : suite_.world.identities) {
    if (other.kind != Kind::kUser || other.id == token.subject) continue;
    add(Dimension::kOtherUser, fmt::format("{} in place of {}", other.id, token.subject)).token.subject =
        other.id;
  }
  if (token.subject != kStranger)
    add(Dimension::kOtherUser, fmt::format("{} in place of {}", kStranger, token.subject)).token.subject =
        kStranger;
  add(Dimension::kNoUser, fmt::format("{} for itself", token.client)).token.subject = token.client;
}

std::set<std::string> Deriver::tenants() const {
  std::set<std::string> tenants{std::string(kAnother)};
  for (const Identity& each : suite_.world.identities)
    if (each.tenant) tenants.insert(*each.tenant);
  return tenants;
}

// Claims of the token that say where and what for. What the API's tokens do not carry cannot be wrong.
void Deriver::places() {
  const std::string another(kAnother);
  std::set<std::string> environments{another}, purposes{another};
  for (const Identity& each : suite_.world.identities) {
    if (each.environment) environments.insert(*each.environment);
    purposes.insert(each.purposes.begin(), each.purposes.end());
  }
  change_claim(Dimension::kOtherTenant, "tenant", &TokenSpec::tenant, tenants());
  change_claim(Dimension::kOtherEnvironment, "environment", &TokenSpec::environment, environments);
  change_claim(Dimension::kOtherPurpose, "purpose", &TokenSpec::purpose, purposes);
  change_claim(Dimension::kOtherAuthentication, "acr", &TokenSpec::acr, {another});
  if (is_meant("kind"))
    change_claim(Dimension::kOtherAuthentication, "credential_kind", &TokenSpec::credential_kind,
                 {"secret", "key", "certificate", "federation"});
  // Writ takes the word of the configured ones only.
  std::set<std::string> providers;
  for (const auto& provider : surroundings_.loaded.config.trusted_issuers) providers.insert(provider.issuer);
  if (providers.empty()) providers.insert("https://another.example");
  change_claim(Dimension::kOtherProvider, "subject_issuer", &TokenSpec::subject_issuer, providers);
}

bool Deriver::carried(std::string_view claim) const {
  if (original_.target.issue || api_ == nullptr) return true;
  const auto& policies = *surroundings_.loaded.policies.snapshot;
  const auto contract = decision::minted_claims(*api_, policies, {}, nullptr);
  return !contract || std::ranges::any_of(token::claim_table(), [&](const token::Claim& row) {
    return row.name == claim && contract->wants(row);
  });
}

// A test says what matters to it. A record says all that Writ knew: of that, what a policy compares.
bool Deriver::is_meant(std::string_view fact) const {
  return !suite_.recorded || !facts_->texts_of(fact).empty();
}

void Deriver::change_claim(Dimension dimension, std::string_view name, MaybeText claim,
                           const std::set<std::string>& values) {
  const auto& own = original_.token.*claim;
  if (!own || !carried(name)) return;
  for (const std::string& value : values) {
    if (value == *own) continue;
    add(dimension, fmt::format("{} `{}` in place of `{}`", name, value, *own)).token.*claim = value;
  }
}

void Deriver::token() {
  // What proves that its holder is its owner is missing from the start: no guard asks for it.
  if (original_.token.bound) {
    RequestSpec& request = add(Dimension::kUnbound, "a token that is bound to no key");
    request.token.bound = false;
    request.proof = Proof::kRight;
  }
  if (original_.target.issue) return;
  for (const auto& other : suite_.world.apis) {
    if (other.id == permit_.api) continue;
    add(Dimension::kOtherApi, fmt::format("a token for {}", other.id)).token.audience = other.audience;
  }
  RequestSpec& old = add(Dimension::kOldToken, "a token that was issued a day earlier");
  old.token.issued_at = old.token.not_before = original_.token.issued_at.value_or(original_.time) - kOld;
  if (!old.token.expires_at) old.token.expires_at = original_.time + kStillGood;
  if (!original_.token.bound) return;
  // Taken from its owner: the token without what proves that one holds the key.
  add(Dimension::kUnbound, "a bound token without a proof").proof = Proof::kNone;
  add(Dimension::kWronglyBound, "a proof by another key").proof = Proof::kOtherKey;
  add(Dimension::kWronglyBound, "a proof for another request").proof = Proof::kOtherRequest;
  add(Dimension::kWronglyBound, "a proof that was used before").proof = Proof::kReplayed;
}

void Deriver::chain() {
  const auto& actors = original_.token.actors;
  for (const Identity& agent : suite_.world.identities) {
    if (agent.kind != Kind::kAgent) continue;
    const bool taking_part = agent.id == original_.token.client ||
                             std::ranges::find(actors, agent.id, &token::Actor::subject) != actors.end();
    if (taking_part) continue;
    if (actors.size() < token::kMaxChain) {
      auto& longer = add(Dimension::kLongerChain, fmt::format("{} before the chain", agent.id)).token.actors;
      longer.insert(longer.begin(), {agent.id, std::nullopt});
      add(Dimension::kLongerChain, fmt::format("{} behind the chain", agent.id))
          .token.actors.push_back({agent.id, std::nullopt});
    }
    for (std::size_t i = 0; i < actors.size(); ++i)
      add(Dimension::kOtherActor, fmt::format("{} in place of {}", agent.id, actors[i].subject))
          .token.actors[i] = {agent.id, std::nullopt};
  }
  // Without all of them is a claim that is hidden. The client takes part whether the chain names it or not.
  for (std::size_t i = 0; i < actors.size() && actors.size() > 1; ++i) {
    if (i == 0 && actors[i].subject == original_.token.client) continue;
    auto& shorter = add(Dimension::kShorterChain, fmt::format("without {}", actors[i].subject)).token.actors;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (std::size_t i = 0; i + 1 < actors.size(); ++i) {
    auto& swapped =
        add(Dimension::kSwappedChain, fmt::format("{} and {}", actors[i].subject, actors[i + 1].subject))
            .token.actors;
    std::swap(swapped[i], swapped[i + 1]);
  }
}

void Deriver::hide(const token::Claim& claim) {
  const auto try_without = [&](auto member) {
    const bool says_it = member != nullptr && original_.token.*member;
    if (!says_it || (claim.by_contract && !carried(claim.name))) return;
    add(Dimension::kHiddenClaim, fmt::format("without `{}`", claim.stated)).token.*member = std::nullopt;
  };
  try_without(claim.carried_text);
  try_without(claim.carried_date);
}

void Deriver::claims() {
  const TokenSpec& token = original_.token;
  if (original_.approved)
    add(Dimension::kHiddenClaim, "without people's approval of the call").approved = false;
  if (token.auth_time && carried("auth_time"))
    add(Dimension::kStaleAuthentication, "the user signed in a day earlier").token.auth_time =
        *token.auth_time - kOld;
  if (token.credential_created && carried("credential_created") && !suite_.recorded)
    add(Dimension::kStaleAuthentication, "a credential that was made a year earlier")
        .token.credential_created = *token.credential_created - kLongAgo;
  // What the client's platform said of it: another branch, another account.
  const auto facts = carried("workload") ? token.workload : token::WorkloadClaims();
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const auto& [name, value] = facts[i];
    if (!is_meant(name)) continue;
    auto others = facts_->texts_of(name);
    others.emplace(kAnother);
    others.erase(value);
    for (const std::string& other : others)
      add(Dimension::kOtherAuthentication,
          fmt::format("workload.{} `{}` in place of `{}`", name, other, value))
          .token.workload[i]
          .second = other;
    if (facts.size() == 1) continue;
    auto& fewer = add(Dimension::kHiddenClaim, fmt::format("without `workload.{}`", name)).token.workload;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (!facts.empty()) add(Dimension::kHiddenClaim, "without `workload`").token.workload.clear();
  for (const auto& claim : token::claim_table()) hide(claim);
  // A client that is its own only actor takes part with and without `act`.
  const auto is_client = [&](const token::Actor& actor) { return actor.subject == token.client; };
  if (!std::ranges::all_of(token.actors, is_client))
    add(Dimension::kHiddenClaim, "without `act`").token.actors.clear();
}

}  // namespace writ::policytest
