#include "init/drift.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

#include "cedar/partial.h"
#include "init/paths.h"

namespace writ::init {
namespace {

using Key = std::pair<std::string, std::string>;  // method, shape

std::string shape_of(const std::string& path) {
  const auto segmented = segment_path(path);
  return segmented ? segmented->shape(segmented->segments.size()) : path;
}

Result<std::string> only_api(const policy::Loaded& loaded, std::string api) {
  std::set<std::string> ids;
  for (const auto& route : loaded.world.routes) ids.insert(route.api);
  if (!api.empty()) {
    const auto& apis = loaded.world.declared.apis;
    if (std::ranges::find(apis, api, &inventory::Api::id) != apis.end()) return api;
    return failure(ErrorCode::kNotFound, fmt::format("the configuration has no API `{}`", api));
  }
  if (ids.size() == 1) return *ids.begin();
  if (ids.empty()) return failure(ErrorCode::kNotFound, "the configuration has no API with routes");
  return failure(ErrorCode::kInvalid,
                 fmt::format("the configuration has several APIs with routes; name one of {} with --api",
                             fmt::join(ids, ", ")));
}

// Some party holds the token, and is asked. What it is permitted may depend on everything else.
bool can_be_permitted(const policy::Loaded& loaded, const cedar::EntityUid& action,
                      const std::string& resource_type) {
  const auto& snapshot = *loaded.policies.snapshot;
  cedar::Arena arena;
  for (const auto* caller : {"Writ::Application", "Writ::Service", "Writ::Agent"}) {
    cedar::PartialRequest request{.action = arena.entity(action.type, action.id),
                                  .principal_type = caller,
                                  .resource_type = resource_type,
                                  .context_complete = false};
    const auto answer = cedar::authorize_partially(*snapshot.policies, request, *snapshot.entities);
    if (answer.decision != cedar::PartialDecision::kDeny) return true;
  }
  return false;
}

}  // namespace

Result<Drift> compare(Reading reading, const policy::Loaded& loaded, std::string api) {
  Drift drift;
  drift.api = TRY(only_api(loaded, std::move(api)));
  const auto draft = TRY(make_draft(std::move(reading), {.name = "api"}));
  for (const Note& note : draft.notes)
    if (note.not_routed) drift.notes.push_back(note);
  const auto& apis = loaded.world.declared.apis;
  const auto declared = std::ranges::find(apis, drift.api, &inventory::Api::id);
  std::set<Key> in_document, in_configuration;
  for (const auto& route : draft.routes) in_document.emplace(route.method, shape_of(route.path));
  std::map<Key, bool> decided;  // by action and type of resource
  for (const auto& route : loaded.world.routes) {
    if (route.api != drift.api) continue;
    const cedar::EntityUid action{declared->action_type(), route.action};
    const Drift::Route told{route.method, route.path, action.type + "::\"" + action.id + "\"",
                            route.resource_type};
    const Key key(route.method, shape_of(route.path));
    in_configuration.insert(key);
    if (!in_document.contains(key)) drift.gone.push_back(told);
    const auto [at, is_new] = decided.try_emplace({route.action, route.resource_type}, true);
    if (is_new) at->second = can_be_permitted(loaded, action, route.resource_type);
    if (!at->second) drift.undecided.push_back(told);
  }
  for (const auto& route : draft.routes)
    if (!in_configuration.contains({route.method, shape_of(route.path)}))
      drift.added.push_back({route.method, route.path});
  return drift;
}

}  // namespace writ::init
