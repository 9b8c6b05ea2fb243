#include "rightsize/bursts.h"

#include <algorithm>

#include "cedar/parse.h"

namespace writ::rightsize {

bool BurstReader::find(const digest::RecordKind& kind, std::uint32_t kind_number, const std::string& subject,
                       Run*& run, std::size_t& action) {
  // For itself: for no user, and through nobody.
  if (kind.in_task || kind.is_public || kind.point != "gateway" || kind.client.empty() ||
      !kind.actors.empty() || (!subject.empty() && subject != kind.client))
    return false;
  if (places_.size() <= kind_number) places_.resize(std::size_t{kind_number} + 1);
  Place& place = places_[kind_number];
  if (!place.known) {
    place.known = true;
    auto uid = cedar::parse_entity(kind.action);
    if (!uid) return false;
    Run& of = runs_[{kind.client, kind.purpose}];
    of.so_far.client = kind.client;
    of.so_far.purpose = kind.purpose;
    of.so_far.environment = kind.environment;
    of.so_far.policies.insert(kind.policies.begin(), kind.policies.end());
    auto& seen = of.so_far.actions[*uid];
    seen.resource_types.insert(kind.resource_type);
    const auto found = std::ranges::find(of.actions, *uid, &decltype(of.actions)::value_type::first);
    place.action = static_cast<std::size_t>(found - of.actions.begin());
    if (found == of.actions.end()) {
      of.actions.emplace_back(*std::move(uid), &seen);
      of.calls.push_back(0);
    }
    place.run = &of;
  }
  run = place.run;
  action = place.action;
  return run != nullptr;
}

void BurstReader::add(Run& run, std::size_t action, Instant time) {
  auto& so_far = run.so_far;
  if (so_far.uses == 0) so_far.first = so_far.last = time;
  so_far.first = std::min(so_far.first, time);
  so_far.last = std::max(so_far.last, time);
  ++so_far.uses;
  // A clock that was set back goes on with the burst.
  if (run.all > 0 && time - run.end > kPause) close(run);
  if (run.all == 0) run.begin = run.end = time;
  run.begin = std::min(run.begin, time);
  run.end = std::max(run.end, time);
  ++run.all;
  ++run.calls[action];
}

void BurstReader::close(Run& run) {
  auto& so_far = run.so_far;
  ++so_far.bursts;
  so_far.most = std::max(so_far.most, run.all);
  so_far.longest = std::max(so_far.longest, run.end - run.begin);
  so_far.together += run.end - run.begin;
  for (std::size_t i = 0; i < run.calls.size(); ++i) {
    auto& most = run.actions[i].second->most;
    most = std::max(most, run.calls[i]);
    run.calls[i] = 0;
  }
  run.all = 0;
}

std::vector<StandingBursts> BurstReader::finish() && {
  std::vector<StandingBursts> all;
  for (auto& [name, run] : runs_) {
    if (run.all > 0) close(run);
    if (run.so_far.uses > 0) all.push_back(std::move(run.so_far));
  }
  return all;
}

}  // namespace writ::rightsize
