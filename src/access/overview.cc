#include "access/overview.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

namespace writ::access {
namespace {

// What one identity reaches, by API; and of each action whether one chain may always, or was seen to.
struct Reached1 {
  std::map<std::string, std::map<std::string, std::pair<bool, bool>>> actions;  // always, witnessed
};

std::map<std::string, Reached1> reached_by_each(const Answered& answered) {
  std::map<std::string, Reached1> all;
  for (const Row& row : answered.rows) {
    if (row.target.point != Point::kUse || !row.reached.may()) continue;
    row.each_chain([&](const Chain& chain) {
      const bool always = row.reached.verdict == Verdict::kAlways;
      const bool witnessed = row.reached.witness.has_value();
      const auto add = [&](const ChainLink& link) {
        auto& [was_always, was_witnessed] = all[link.id].actions[row.target.api->id][row.target.action.id];
        was_always = was_always || always;
        was_witnessed = was_witnessed || witnessed;
      };
      add(chain.back());
      if (chain.size() > 1) add(chain.front());
    });
  }
  return all;
}

const std::vector<std::string>& acts_for(const ChainLink& link) {
  static const std::vector<std::string> kNobody;
  return link.member != nullptr ? (*link.member)->acts_for : kNobody;
}

bool is_active(const Asker& asker, const ChainLink& link) {
  const auto& frame = asker.frame();
  const auto status =
      link.member != nullptr ? link.member->status_at(frame.at) : frame.inventory.ordered(link.id);
  return status == inventory::Status::kActive;
}

std::string key_of(const Asker& asker, const ChainLink& link, const Reached1& reached) {
  std::string key = fmt::format("{} {}|{}|", static_cast<int>(link.kind()), is_active(asker, link),
                                fmt::join(acts_for(link), " "));
  for (const auto& [api, actions] : reached.actions) {
    for (const auto& [action, how] : actions)
      key += fmt::format("{}/{}:{}{};", api, action, how.first, how.second);
  }
  return key;
}

}  // namespace

Overview overview_of(const Asker& asker, const Answered& answered, std::vector<std::string> apis) {
  Overview overview{.apis = std::move(apis), .groups = {}};
  const auto reached = reached_by_each(answered);
  std::map<std::string, std::size_t> by_key;
  std::map<std::string, std::size_t, std::less<>> place_of;
  std::vector<const ChainLink*> all;
  for (const ChainLink& link : asker.census().callers()) all.push_back(&link);
  std::ranges::stable_sort(all, {}, [](const ChainLink* link) { return link->kind(); });
  for (const ChainLink* link : all) {
    const auto found = reached.find(link->id);
    const Reached1& of = found != reached.end() ? found->second : Reached1{};
    const auto [place, is_new] = by_key.try_emplace(key_of(asker, *link, of), overview.groups.size());
    place_of[link->id] = place->second;
    if (is_new) {
      Group group{.kind = link->kind(), .members = {}, .active = is_active(asker, *link)};
      for (const auto& [api, actions] : of.actions) {
        Reaching& reaching = group.reaches[api];
        reaching.actions = actions.size();
        reaching.always = std::ranges::any_of(actions, [](const auto& each) { return each.second.first; });
        reaching.open = std::ranges::none_of(
            actions, [](const auto& each) { return each.second.first || each.second.second; });
      }
      overview.groups.push_back(std::move(group));
    }
    overview.groups[place->second].members.push_back(link);
  }
  for (Group& group : overview.groups) {
    std::set<std::size_t> places;
    for (const std::string& whom : acts_for(*group.members.front())) {
      if (whom == inventory::kAnyUser) group.any_user = true;
      if (const auto place = place_of.find(whom); place != place_of.end()) places.insert(place->second);
    }
    group.acts_for.assign(places.begin(), places.end());
  }
  return overview;
}

}  // namespace writ::access
