// API keys: they are made while Writ runs and stand in its database, and in no file of the configuration.
#include <algorithm>
#include <fmt/format.h>

#include "posture/looks.h"

namespace writ::posture {
namespace {

using inventory::ApiKey;

std::int64_t days(Duration time) {
  return std::chrono::floor<std::chrono::days>(time).count();
}

// What it has beside the key that cannot be copied.
bool can_do_better(const ListedIdentity& each) {
  return !each->keys.empty() || !each->workloads.empty() || !each->certificates.empty();
}

void look_at_key(const Scene& scene, const ApiKey& key, Checked& checked) {
  const ListedIdentity* of = scene.find(key.identity);
  const Instant since = key.last_used_at.value_or(key.created_at);
  const bool unused = since < scene.now() - scene.limits().dormant;
  const bool better = of != nullptr && can_do_better(*of);
  std::string what = fmt::format("`{}` comes to `{}` with API key `{}`, which is good for whoever has a copy",
                                 key.identity, key.api, key.id);
  if (unused)
    what += fmt::format("; nobody has {} for {} days",
                        key.last_used_at ? "used it" : "ever used it, and it is there",
                        days(scene.now() - since));
  else if (better)
    what += "; and it has a credential that cannot be copied";
  std::vector<Exhibit> evidence;
  if (of != nullptr) evidence.push_back(scene.declared(*of));
  evidence.push_back({.fact = fmt::format("API key `{}` was made{}", key.id,
                                          key.made_by.empty() ? "" : fmt::format(" by `{}`", key.made_by)),
                      .date = key.created_at});
  evidence.push_back({.fact = "it expires", .date = key.expires_at});
  if (key.last_used_at) evidence.push_back({.fact = "it was used last", .date = key.last_used_at});
  Remedy remedy{
      .what =
          unused ? "revoke it" : "let it get tokens, as a workload or with a key pair, then revoke the key",
      .command = fmt::format("writ inventory key revoke {}", shell_word(key.id)),
      .first = unused ? "" : "change the caller: after the command, requests with the key are refused"};
  found(checked, {key.identity}, std::move(what), std::move(evidence), std::move(remedy),
        unused || better ? Weight::kMedium : Weight::kLow);
}

}  // namespace

void look_api_keys(const Scene& scene, Checked& checked) {
  const auto& apis = scene.loaded().world.declared.apis;
  if (std::ranges::none_of(apis, &inventory::Api::api_keys)) return;
  if (scene.api_keys() == nullptr) {
    checked.not_computable = "the database was not given: name its folder with --data";
    return;
  }
  for (const ApiKey& key : *scene.api_keys())
    if (key.in_force(scene.now())) look_at_key(scene, key, checked);
}

}  // namespace writ::posture
