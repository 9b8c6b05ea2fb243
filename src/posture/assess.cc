#include "posture/assess.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>
#include <unordered_set>

namespace writ::posture {

std::array<std::size_t, 4> Assessment::counts() const {
  std::array<std::size_t, 4> counts{};
  for (const Judged& each : judged)
    if (each.covered_by == nullptr) ++counts[static_cast<std::size_t>(each.weakness.weight)];
  return counts;
}

std::size_t Assessment::covered() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(judged, [](const Judged& each) { return each.covered_by != nullptr; }));
}

bool Assessment::any_at_least(Weight weight) const {
  return std::ranges::any_of(judged, [weight](const Judged& each) {
    return each.covered_by == nullptr && each.weakness.weight >= weight;
  });
}

Assessment assess(const Scene& scene, std::vector<Exemption> exemptions, const Check* only) {
  // Those of the configuration first: of two that end on one day, one of them counts.
  const auto& of_config = scene.config().exceptions;
  exemptions.insert(exemptions.begin(), of_config.begin(), of_config.end());
  Assessment made{.at = scene.now(),
                  .revision = scene.loaded().policies.snapshot->revision,
                  .identities = scene.identities().size(),
                  .log = scene.without_log(),
                  .checked = look_at(scene, only),
                  .found_by = {},
                  .judged = {},
                  .exemptions = std::move(exemptions),
                  .idle = {}};
  if (made.log.empty())
    made.log = fmt::format("{} records, from {} to {}", scene.seen()->records(),
                           inventory::date_text(*scene.seen()->first()),
                           inventory::date_text(*scene.seen()->last()));
  // By what they name; of two the one that ends later counts.
  std::unordered_map<std::string, const Exemption*> by_id;
  for (const Exemption& each : made.exemptions) {
    auto& known = by_id[each.finding];
    if (known == nullptr || known->until < each.until) known = &each;
  }
  std::unordered_set<std::string_view> matched;
  for (Checked& checked : made.checked) {
    made.found_by.push_back(checked.found.size());
    std::unordered_map<std::string, std::size_t> numbers;
    for (Weakness& weakness : checked.found) {
      weakness.number = ++numbers[weakness.subjects.front()];
      Judged judged{.weakness = std::move(weakness)};
      if (const auto exempt = by_id.find(judged.weakness.id()); exempt != by_id.end()) {
        matched.insert(exempt->first);
        (scene.now() < exempt->second->until ? judged.covered_by : judged.ended) = exempt->second;
      }
      made.judged.push_back(std::move(judged));
    }
    checked.found.clear();
  }
  for (const Exemption& each : made.exemptions)
    if (!matched.contains(each.finding)) made.idle.push_back(&each);
  std::ranges::stable_sort(made.judged, [](const Judged& a, const Judged& b) {
    if (a.weakness.weight != b.weakness.weight) return a.weakness.weight > b.weakness.weight;
    if (a.weakness.check != b.weakness.check) return a.weakness.check < b.weakness.check;
    return a.weakness.subjects.front() < b.weakness.subjects.front();
  });
  return made;
}

}  // namespace writ::posture
