#include "access/survey.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/parse.h"

namespace writ::access {

std::size_t Row::chains() const {
  std::size_t count = 0;
  for (const ChainGroup* each : groups) {
    if (each->standing_in == nullptr) count += each->chains.size();
    if (each->standing_in == nullptr) continue;
    for (const Chain& chain : each->chains) count += each->standing_in->alike(chain.front().id).size();
  }
  return count;
}

Survey::Survey(Reach& reach, std::vector<Chain> chains, const Census& census, bool one_of_each)
    : reach_(reach) {
  std::map<std::vector<Census::Profile>, std::size_t> by_profiles;
  for (Chain& chain : chains) {
    const auto [found, is_new] = by_profiles.try_emplace(census.profiles_of(chain), groups_.size());
    if (is_new) groups_.push_back({{}, one_of_each ? &census : nullptr});
    groups_[found->second].chains.push_back(std::move(chain));
  }
}

Result<std::vector<Target>> Survey::targets(const TargetFilter& filter) const {
  const auto& inventory = reach_.frame().inventory;
  if (!filter.api.empty() && inventory.find_api(filter.api) == nullptr)
    return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", filter.api));
  std::optional<cedar::EntityUid> resource;
  if (filter.resource) {
    auto parsed = cedar::parse_entity(*filter.resource);
    if (!parsed)
      return failure(ErrorCode::kInvalid, fmt::format("`{}` is not a resource: write it as Cedar does, "
                                                      "Billing::Invoice::\"inv-1001\"",
                                                      *filter.resource));
    resource = *std::move(parsed);
  }
  std::vector<Target> targets;
  bool known = filter.action.empty() || filter.action == "issue";
  for (const inventory::Api* api : inventory.apis()) {
    if (!filter.api.empty() && api->id != filter.api) continue;
    if (!resource && (filter.action.empty() || filter.action == "issue"))
      targets.push_back(Target::issue(*api));
    for (const std::string& action : api->actions) {
      if (!filter.action.empty() && filter.action != action) continue;
      known = true;
      Target target{.api = api, .action = {api->action_type(), action}};
      for (const std::string& type : reach_.resource_types(target.action)) {
        target.resource_type = type;
        if (resource && !type.empty() && resource->type != type) continue;
        if (resource) target.resource_type = resource->type;
        if (resource) target.resource = resource->id;
        targets.push_back(target);
      }
    }
  }
  if (!known) return failure(ErrorCode::kNotFound, fmt::format("there is no action `{}`", filter.action));
  return targets;
}

Certainties& Survey::certainties(const ChainGroup& group, const Target& target) {
  if (certain_of_ != &group) certainties_.clear();
  certain_of_ = &group;
  auto& made = certainties_[{target.api->claims ? target.api : nullptr, target.point}];
  if (made == nullptr)
    made = std::make_unique<Certainties>(reach_.frame(), group.first(), *target.api, target.point);
  return *made;
}

Reached Survey::ask(const ChainGroup& group, const Target& target, Detail detail) {
  return reach_.ask(certainties(group, target), target, detail);
}

std::string signature_of(const Reached& reached) {
  std::string text = fmt::format("{}|{}|{}|{}", verdict_name(reached.verdict), reached.reason,
                                 reached.witness.has_value(), fmt::join(reached.policies, ","));
  for (const Remainder& each : reached.conditions)
    text += fmt::format("|{} {} {} {}", each.policy, each.forbids, each.cedar,
                        each.policy.empty() ? each.words : "");
  return text;
}

std::vector<Row> Survey::ask(const std::vector<Target>& targets, Detail detail) {
  // Group by group, so that what is certain of each is found out once.
  std::vector<std::vector<Row>> by_target(targets.size());
  std::vector<std::map<std::string, std::size_t>> places(targets.size());
  for (const ChainGroup& group : groups_) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      Reached reached = ask(group, targets[i], detail);
      const auto key = fmt::format("{} {}", group.first().size(), signature_of(reached));
      const auto [found, is_new] = places[i].try_emplace(key, by_target[i].size());
      if (is_new) by_target[i].push_back({targets[i], {}, std::move(reached)});
      by_target[i][found->second].groups.push_back(&group);
    }
  }
  std::vector<Row> rows;
  for (auto& of_target : by_target) {
    std::ranges::stable_sort(of_target, {}, [](const Row& row) { return !row.reached.may(); });
    std::ranges::move(of_target, std::back_inserter(rows));
  }
  return rows;
}

VerdictCounts verdict_counts(const std::vector<Row>& rows) {
  VerdictCounts shares;
  for (const Row& row : rows) {
    const std::size_t chains = row.chains();
    switch (row.reached.verdict) {
      case Verdict::kNever:
        shares.never += chains;
        break;
      case Verdict::kAlways:
        shares.always += chains;
        break;
      case Verdict::kWhen:
        (row.reached.witness ? shares.witnessed : shares.open) += chains;
    }
  }
  return shares;
}

}  // namespace writ::access
