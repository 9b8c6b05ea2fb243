#include "access/census.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <unordered_set>

namespace writ::access {
namespace {

using cedar::Kind;
using cedar::Value;

constexpr std::string_view kUserType = "Writ::User";
constexpr std::string_view kGuardsRead[] = {"tenant", "environment", "purposes"};

// Whatever can name an identity in a value: entities, and texts that may be ids.
void names_in(Value value, std::unordered_set<std::string>& names) {
  switch (value.kind()) {
    case Kind::kEntity:
      names.emplace(value.as_entity().id());
      return;
    case Kind::kString:
      names.emplace(value.as_string());
      return;
    case Kind::kSet:
      for (const Value each : value.as_set()) names_in(each, names);
      return;
    case Kind::kRecord:
      for (const auto& field : value.as_record()) names_in(field.value, names);
      return;
    default:
      return;
  }
}

// What of an identity can make a difference, as text.
std::string profile_key(const Reach& reach, const ChainLink& caller, cedar::Arena& arena) {
  std::string key = fmt::format("{}|", static_cast<int>(caller.kind()));
  const auto& frame = reach.frame();
  const auto status =
      caller.member != nullptr ? caller.member->status_at(frame.at) : frame.inventory.ordered(caller.id);
  key += fmt::format("{}|{}|", static_cast<int>(status), caller.member != nullptr);
  // Dates, and an owner who has to be there, are each one's own.
  if (caller.member != nullptr &&
      ((*caller.member)->expires_at || caller.member->review_by() || (*caller.member)->needs_owner))
    key += caller.id + "|";
  const auto add = [&](std::string_view name, Value value) {
    key += fmt::format("{}={};", name, value.to_string());
  };
  std::vector<std::pair<std::string_view, Value>> read;
  if (caller.member != nullptr) {
    for (const auto& field : caller.member->attributes().as_record()) {
      const auto name = field.name->view();
      if (reach.reads(name) || std::ranges::find(kGuardsRead, name) != std::end(kGuardsRead))
        read.emplace_back(name, field.value);
    }
  }
  std::ranges::sort(read, {}, [](const auto& each) { return each.first; });
  for (const auto& [name, value] : read) add(name, value);
  const auto* catalogued = frame.policies.entities->find(
      caller.member != nullptr ? caller.member->uid() : arena.entity(kUserType, caller.id));
  if (catalogued == nullptr) return key;
  key += "|in ";
  std::vector<std::string> above;
  for (const auto& each : *catalogued->ancestors) above.push_back(cedar::EntityRef(each.uid).to_string());
  std::ranges::sort(above);
  for (const auto& each : above) key += each + ",";
  add("attributes", Value::record(catalogued->attributes));
  add("tags", Value::record(catalogued->tags));
  return key;
}

}  // namespace

Census::Census(const Reach& reach) {
  add_callers(reach);
  add_profiles(reach);
  for (std::size_t i = 0; i < callers_.size(); ++i) {
    const ChainLink& caller = callers_[i];
    if (caller.member == nullptr || caller.kind() == inventory::Kind::kUser) continue;
    for (const std::string& each : (*caller.member)->acts_for) {
      if (each == inventory::kAnyUser) {
        acting_for_users_.push_back(i);
      } else {
        acting_[each].push_back(i);
      }
    }
  }
  add_alike();
}

void Census::add_alike() {
  std::map<Profile, std::string> first;
  for (const ChainLink& each : callers_) {
    const bool is_user = each.kind() == inventory::Kind::kUser;
    std::string standing_in = each.id;
    if (is_user && !acting_.contains(each.id))
      standing_in = first.try_emplace(profile(each), each.id).first->second;
    alike_[standing_in].push_back(each.id);
    alike_[each.id];
  }
}

bool Census::is_stood_for(const ChainLink& user) const {
  return alike_.at(user.id).empty();
}

void Census::add_callers(const Reach& reach) {
  const auto& frame = reach.frame();
  for (const auto* member : frame.inventory.members()) callers_.push_back({(*member)->id, member});
  std::set<std::string> users;
  for (const auto& uid : reach.named()) {
    if (uid.type == kUserType && frame.inventory.find(uid.id) == nullptr) users.insert(uid.id);
  }
  for (const auto& entity : frame.policies.entities->all()) {
    const std::string id(entity.uid.id());
    if (entity.uid.type() == kUserType && frame.inventory.find(id) == nullptr) users.insert(id);
  }
  for (const auto& stop : frame.inventory.stops()) {
    if (frame.inventory.find(stop.id) == nullptr) users.insert(stop.id);
  }
  for (const std::string& id : users) callers_.push_back({id, nullptr});
  any_other_user_ = "any-other-user";
  const auto& texts = reach.named_texts();
  while (frame.inventory.find(any_other_user_) != nullptr || users.contains(any_other_user_) ||
         std::ranges::binary_search(texts, any_other_user_))
    any_other_user_ += "-";
  callers_.push_back({any_other_user_, nullptr});
  for (std::size_t i = 0; i < callers_.size(); ++i) places_.emplace(callers_[i].id, i);
}

void Census::add_profiles(const Reach& reach) {
  const auto& frame = reach.frame();
  std::unordered_set<std::string> names(reach.named_texts().begin(), reach.named_texts().end());
  // What policies name, and what can be read from there on.
  std::vector<cedar::EntityRef> ahead;
  cedar::Arena arena;
  const auto name = [&](std::string_view type, std::string_view id) {
    names.emplace(id);
    ahead.push_back(arena.entity(type, id));
  };
  for (const auto& uid : reach.named()) name(uid.type, uid.id);
  for (const auto* member : frame.inventory.members()) {
    for (const auto& field : member->attributes().as_record()) {
      // Purposes, tenants and environments are texts that no id is compared with, unless a policy does.
      if (reach.reads(field.name->view())) names_in(field.value, names);
    }
  }
  std::unordered_set<std::string> seen;
  while (!ahead.empty()) {
    const auto uid = ahead.back();
    ahead.pop_back();
    const auto* entity = frame.policies.entities->find(uid);
    if (entity == nullptr || !seen.insert(uid.to_string()).second) continue;
    for (const auto* record : {entity->attributes, entity->tags}) {
      for (const auto& field : *record) {
        names_in(field.value, names);
        if (field.value.is(Kind::kEntity)) ahead.push_back(field.value.as_entity());
      }
    }
  }
  for (const ChainLink& caller : callers_) {
    if (const auto* catalogued = frame.policies.entities->find(arena.entity(caller.uid().type, caller.id))) {
      for (const auto* record : {catalogued->attributes, catalogued->tags})
        for (const auto& field : *record) names_in(field.value, names);
    }
  }
  std::unordered_map<std::string, Profile> by_key;
  for (const ChainLink& caller : callers_) {
    std::string key = profile_key(reach, caller, arena);
    if (names.contains(caller.id)) key += "|named " + caller.id;
    const auto [found, is_new] = by_key.try_emplace(std::move(key), static_cast<Profile>(by_key.size()));
    profiles_.emplace(caller.id, found->second);
  }
  profile_count_ = by_key.size();
}

const ChainLink* Census::find(std::string_view id) const noexcept {
  const auto found = places_.find(id);
  return found != places_.end() ? &callers_[found->second] : nullptr;
}

template <class Visit>
void Census::extend(Chain& chain, const Limits& limits, Visit& visit) const {
  const ChainLink last = chain.back();
  // A user alone cannot hold a token.
  if ((chain.size() > 1 || last.kind() != inventory::Kind::kUser) && !visit(chain)) return;
  if (chain.size() > limits.links) return;
  const auto go_on = [&](std::size_t place) {
    const ChainLink& next = callers_[place];
    if (std::ranges::any_of(chain, [&](const ChainLink& each) { return each.id == next.id; })) return;
    chain.push_back(next);
    extend(chain, limits, visit);
    chain.pop_back();
  };
  const bool is_user = last.kind() == inventory::Kind::kUser;
  const auto found = acting_.find(last.id);
  if (found != acting_.end()) std::ranges::for_each(found->second, go_on);
  if (!is_user) return;
  for (const std::size_t place : acting_for_users_) {
    if (found == acting_.end() || std::ranges::find(found->second, place) == found->second.end())
      go_on(place);
  }
}

std::vector<Chain> Census::chains(const Limits& limits, bool& cut) const {
  std::vector<Chain> all;
  cut = false;
  const auto visit = [&](const Chain& chain) {
    if (all.size() == limits.chains) cut = true;
    if (cut) return false;
    all.push_back(chain);
    return true;
  };
  for (const ChainLink& caller : callers_) {
    if (limits.one_of_each && is_stood_for(caller)) continue;
    Chain chain{caller};
    extend(chain, limits, visit);
  }
  std::ranges::stable_sort(all, {}, [](const Chain& chain) { return chain.size(); });
  return all;
}

std::vector<Chain> Census::chains_of(std::string_view id, const Limits& limits, bool& cut) const {
  std::vector<Chain> all;
  cut = false;
  const auto visit = [&](const Chain& chain) {
    if (all.size() == limits.chains) cut = true;
    if (cut) return false;
    if (std::ranges::any_of(chain, [&](const ChainLink& each) { return each.id == id; }))
      all.push_back(chain);
    return true;
  };
  for (const ChainLink& caller : callers_) {
    if (limits.one_of_each && is_stood_for(caller) && caller.id != id) continue;
    Chain chain{caller};
    extend(chain, limits, visit);
  }
  std::ranges::stable_sort(all, {}, [](const Chain& chain) { return chain.size(); });
  return all;
}

std::vector<Census::Profile> Census::profiles_of(const Chain& chain) const {
  std::vector<Profile> profiles;
  profiles.reserve(chain.size());
  for (const ChainLink& each : chain) profiles.push_back(profile(each));
  return profiles;
}

}  // namespace writ::access
