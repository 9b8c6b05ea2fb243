#include "claims/contract.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <set>

#include "claims/exchange.h"
#include "claims/reads.h"
#include "claims/sources.h"

namespace writ::claims {
namespace {

using cedar::EntityUid;
using Rule = cedar::ScopeTerm::Rule;

constexpr std::size_t kClaims = 32;  // at least so many as claim_uses() has

std::size_t index_of(std::string_view claim) {
  return static_cast<std::size_t>(find_use(claim) - claim_uses().data());
}

struct Readers {
  std::vector<Reader> first;
  std::size_t count = 0;

  void add(const Reader& reader) {
    if (++count <= kReadersNamed) first.push_back(reader);
  }
};
using ByClaim = std::array<Readers, kClaims>;

// Two APIs, so that one is left beside any.
struct SomeApis {
  int first = -1, second = -1;

  void add(int api) {
    if (first < 0 || first == api) {
      first = api;
    } else if (second < 0) {
      second = api;
    }
  }
  int other_than(int api) const { return first != api ? first : second; }
};
using ApisByClaim = std::array<SomeApis, kClaims>;

// What is needed of APIs, by who may hold their tokens.
struct HolderNeeds {
  ApisByClaim all{}, any{};
  std::map<std::string, ApisByClaim, std::less<>> types, types_of_uids;
  std::map<EntityUid, ApisByClaim> uids;

  void add(const Holders& holders, std::size_t claim, int api) {
    if (holders.none()) return;
    all[claim].add(api);
    if (holders.any) any[claim].add(api);
    for (const auto& type : holders.types) types[type][claim].add(api);
    for (const auto& uid : holders.uids) {
      uids[uid][claim].add(api);
      types_of_uids[uid.type][claim].add(api);
    }
  }

  // One that is not `api` and needs the claim, and whose tokens somebody holds that holds those of `api`.
  int find(const Holders& holders, std::size_t claim, int api) const {
    if (holders.none()) return -1;
    const auto among = [&](const auto& map, const auto& key) {
      const auto found = map.find(key);
      return found != map.end() ? found->second[claim].other_than(api) : -1;
    };
    if (holders.any) return all[claim].other_than(api);
    int found = any[claim].other_than(api);
    for (const auto& type : holders.types) {
      if (found < 0) found = among(types, type);
      if (found < 0) found = among(types_of_uids, type);
    }
    for (const auto& uid : holders.uids) {
      if (found < 0) found = among(uids, uid);
      if (found < 0) found = among(types, uid.type);
    }
    return found;
  }
};

class Making {
 public:
  explicit Making(const Known& known) : known_(known), holders_(known.apis.size() + 1) {
    for (std::size_t i = 0; i < known.apis.size(); ++i) {
      by_action_type_[known.apis[i].action_type()].push_back(i);
      by_id_.emplace(known.apis[i].id, i);
    }
    find_holders();
  }

  std::vector<Contract> make() {
    of_api_.resize(known_.apis.size() + 1);
    for (const PolicyAt& each : known_.policies) add_policy(each);
    needs_exchanged();
    std::vector<Contract> contracts;
    contracts.reserve(known_.apis.size());
    for (std::size_t i = 0; i < known_.apis.size(); ++i) contracts.push_back(contract_of(i));
    return contracts;
  }

  Asked asked_with(const cedar::Policy& policy) const {
    const Places places = places_of(policy);
    if (places.everywhere || places.issuing_all) return std::nullopt;
    std::vector<std::string> ids;
    for (const std::size_t api : places.apis)
      if (api != any_other()) ids.push_back(known_.apis[api].id);
    return ids;
  }

  std::vector<std::string> exchanged_for(const std::string& api) const {
    std::vector<std::string> ids;
    const auto own = by_id_.find(api);
    if (own == by_id_.end()) return ids;
    for (std::size_t i = 0; i < holders_.size(); ++i) {
      if (i != own->second && holders_[own->second].may_share_with(holders_[i]))
        ids.push_back(i == any_other() ? "*" : known_.apis[i].id);
    }
    return ids;
  }

 private:
  // After the declared ones stands any API that is not declared.
  std::size_t any_other() const { return known_.apis.size(); }

  void find_holders() {
    Holders everywhere;
    for (const PolicyAt& each : known_.policies) {
      const cedar::Policy& policy = *each.policy;
      if (policy.effect != cedar::Effect::kPermit || !may_be_about_issuing(policy)) continue;
      const auto ids = apis_left_by(policy);
      if (!ids) everywhere.add(policy.principal);
      for (const auto& id : ids.value_or(std::set<std::string>())) {
        const auto known = by_id_.find(id);
        holders_[known != by_id_.end() ? known->second : any_other()].add(policy.principal);
      }
    }
    for (auto& holders : holders_) holders.add(everywhere);
  }

  void add_policy(const PolicyAt& each) {
    const auto reads = claims_read(*each.policy);
    if (reads.empty()) return;
    Places places = places_of(*each.policy);
    for (const ClaimRead& read : reads) {
      Reader reader{each.shadow ? Reader::Kind::kShadow : Reader::Kind::kPolicy, each.policy->id,
                    read.at.path};
      if (each.place_of) reader.place = each.place_of(read.at.span);
      const std::size_t claim = index_of(read.claim);
      if (places.everywhere) everywhere_[claim].add(reader);
      if (places.issuing_all) issuing_[claim].add(reader);
      for (const std::size_t api : places.apis) of_api_[api][claim].add(reader);
    }
  }

  // Of which requests the policy may have a say.
  struct Places {
    bool everywhere = false;     // whatever is asked
    bool issuing_all = false;    // a token for any API
    std::set<std::size_t> apis;  // its use, or a token for it
  };

  Places places_of(const cedar::Policy& policy) const {
    Places places;
    const auto& action = policy.action;
    if (action.rule == Rule::kAny) return places.everywhere = true, places;
    const bool group = action.rule != Rule::kEqual;
    for (const EntityUid& uid : action.entities) {
      if (group && known_.schema == nullptr &&
          (known_.actions_have_parents || !by_action_type_.contains(uid.type)))
        return places.everywhere = true, places;
      add_action(uid, policy, places);
      const auto* known = group && known_.schema != nullptr ? known_.schema->find_action(uid) : nullptr;
      if (known == nullptr) continue;
      for (const auto* below : known->descendants) add_action(below->uid, policy, places);
    }
    return places;
  }

  void add_action(const EntityUid& uid, const cedar::Policy& policy, Places& places) const {
    const auto found = by_action_type_.find(uid.type);
    if (found == by_action_type_.end()) {
      places.apis.insert(any_other());
    } else {
      places.apis.insert(found->second.begin(), found->second.end());
    }
    if (uid == EntityUid{"Writ::Action", "delegate"}) places.issuing_all = true;
    if (uid != EntityUid{"Writ::Action", "issue"}) return;
    const auto ids = apis_in_scope(policy);
    if (!ids) places.issuing_all = true;
    for (const auto& id : ids.value_or(std::set<std::string>())) {
      const auto known = by_id_.find(id);
      places.apis.insert(known != by_id_.end() ? known->second : any_other());
    }
  }

  // Whether tokens that are exchanged for it have to bring the claim along.
  bool needs(std::size_t api, const ClaimUse& use) const {
    const std::size_t claim = index_of(use.claim);
    if (everywhere_[claim].count + issuing_[claim].count + of_api_[api][claim].count > 0) return true;
    if (api == any_other()) return false;
    const inventory::Api& about = known_.apis[api];
    const auto names_it = [&](const std::vector<std::string>& names) {
      return std::ranges::find(names, use.claim) != names.end();
    };
    return names_it(about.reads) || (about.claims && names_it(*about.claims));
  }

  // It has said nothing, and gets everything.
  bool is_open(std::size_t api) const {
    if (api == any_other()) return false;
    const inventory::Api& about = known_.apis[api];
    return !about.claims && !about.by_contract && about.reads.empty() && about.id != known_.own_api;
  }

  void needs_exchanged() {
    for (const ClaimUse& use : claim_uses()) {
      if (!is_carried_on(use)) continue;
      for (std::size_t api = 0; api < holders_.size(); ++api) {
        if (needs(api, use)) exchanged_.add(holders_[api], index_of(use.claim), static_cast<int>(api));
        if (is_open(api)) open_.add(holders_[api], index_of(use.claim), static_cast<int>(api));
      }
    }
  }

  // Not what guards need anyhow, and not what a token service writes anew.
  static bool is_carried_on(const ClaimUse& use) {
    return use.by_contract && use.guards.empty() && !use.made_anew;
  }

  Contract contract_of(std::size_t api) const {
    Contract contract{.api = known_.apis[api].id};
    std::vector<std::string> outside_tasks, in_task;
    for (const ClaimUse& use : claim_uses()) {
      contract.claims.push_back(need_of(api, use));
      const Carried carried = contract.claims.back().carried;
      if (!use.by_contract || carried == Carried::kLeftOut) continue;
      outside_tasks.emplace_back(use.claim);
      if (carried == Carried::kNeeded) in_task.emplace_back(use.claim);
    }
    contract.minted = {token::ClaimsContract::of(outside_tasks).value(),
                       token::ClaimsContract::of(in_task).value()};
    return contract;
  }

  ClaimNeed need_of(std::size_t api, const ClaimUse& use) const {
    const inventory::Api& about = known_.apis[api];
    const std::size_t claim = index_of(use.claim);
    Readers readers;
    for (const auto guard : use.guards) readers.add({Reader::Kind::kGuard, std::string(guard)});
    const auto add_all = [&](const Readers& more) {
      for (const Reader& each : more.first) readers.add(each);
      readers.count += more.count - more.first.size();
    };
    add_all(everywhere_[claim]);
    if (!holders_[api].none()) add_all(issuing_[claim]);
    add_all(of_api_[api][claim]);
    if (use.by_contract && !use.guards.empty() && known_.forwarded.contains(about.id))
      readers.add({Reader::Kind::kForwarded, "Writ-Context"});
    const bool reads_itself = std::ranges::find(about.reads, use.claim) != about.reads.end();
    if (reads_itself) readers.add({Reader::Kind::kApi, about.id});
    const auto add_other = [&](Reader::Kind kind, int other) {
      if (other < 0) return;
      const auto at = static_cast<std::size_t>(other);
      readers.add({kind, at == any_other() ? "*" : known_.apis[at].id});
    };
    add_other(Reader::Kind::kExchange, exchanged_.find(holders_[api], claim, static_cast<int>(api)));
    if (about.by_contract)
      add_other(Reader::Kind::kOpen, open_.find(holders_[api], claim, static_cast<int>(api)));
    const Carried carried = !use.by_contract                    ? Carried::kAlways
                            : readers.count == 0                ? Carried::kLeftOut
                            : use.said_by_task && !reads_itself ? Carried::kOutsideTasks
                                                                : Carried::kNeeded;
    const std::size_t more = readers.count - readers.first.size();
    return {use.claim, carried, std::move(readers.first), more};
  }

  const Known& known_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_action_type_;
  std::map<std::string, std::size_t, std::less<>> by_id_;
  std::vector<Holders> holders_;
  ByClaim everywhere_, issuing_;
  std::vector<ByClaim> of_api_;
  HolderNeeds exchanged_, open_;
};

}  // namespace

std::string_view carried_name(Carried carried) noexcept {
  constexpr std::string_view kNames[] = {"always", "needed", "outside tasks", "left out"};
  return kNames[static_cast<std::size_t>(carried)];
}

std::string text_of(const Reader& reader) {
  const auto at = reader.place.file.empty()
                      ? std::string()
                      : fmt::format(" ({}:{}:{})", reader.place.file, reader.place.line, reader.place.column);
  switch (reader.kind) {
    case Reader::Kind::kGuard:
      return fmt::format("guard `{}`", reader.name);
    case Reader::Kind::kPolicy:
      return fmt::format("policy `{}` reads `{}`{}", reader.name, reader.path, at);
    case Reader::Kind::kShadow:
      return fmt::format("shadow policy `{}` reads `{}`{}", reader.name, reader.path, at);
    case Reader::Kind::kApi:
      return "the API itself (`reads`)";
    case Reader::Kind::kForwarded:
      return fmt::format("the context that is forwarded (`{}`)", reader.name);
    case Reader::Kind::kExchange:
      return reader.name == "*" ? "an API that is not declared, by exchange"
                                : fmt::format("API `{}`, by exchange", reader.name);
    case Reader::Kind::kOpen:
      return fmt::format("API `{}`, by exchange: it does not say what it reads", reader.name);
  }
  return {};
}

const ClaimNeed& Contract::need(std::string_view claim) const {
  return claims[index_of(claim)];
}

std::vector<Contract> contracts_of(const Known& known) {
  return Making(known).make();
}

std::vector<std::string> exchanged_for(const Known& known, const std::string& api) {
  return Making(known).exchanged_for(api);
}

std::vector<Asked> asked_with(const Known& known) {
  const Making making(known);
  std::vector<Asked> all;
  all.reserve(known.policies.size());
  for (const PolicyAt& each : known.policies) all.push_back(making.asked_with(*each.policy));
  return all;
}

}  // namespace writ::claims
