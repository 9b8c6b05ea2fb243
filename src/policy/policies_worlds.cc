// The sides of a change of access (control/access_worlds.h).
#include <fmt/format.h>

#include "inventory/declaration.h"
#include "policy/policies_in_force.h"

namespace writ::policy {
namespace {

void add_open_to_all(const config::World& world, control::AccessWorld& side) {
  for (const auto& route : world.routes)
    if (route.is_public) side.public_routes.push_back({route.api, route.method, route.path});
  for (const auto& upstream : world.upstreams)
    if (!upstream.enforced) side.observed.push_back(upstream.api);
}

Error first_of(const files::Issues& issues) {
  for (const auto& issue : issues.all())
    if (issue.severity == files::Severity::kError)
      return {ErrorCode::kInvalid,
              fmt::format("the files would not be taken over; `writ check` has all that is wrong: {}",
                          render(issue))};
  return {ErrorCode::kInvalid, "the files would not be taken over; `writ check` has what is wrong"};
}

}  // namespace

Result<control::AccessWorld> PoliciesInForce::world_of_files() const {
  files::Issues issues;
  auto loaded = load(config_file_, issues);
  if (!loaded) return std::unexpected(first_of(issues));
  const auto grants = grants_beside(loaded->world);
  auto snapshot = loaded->policies.snapshot;
  if (!grants.as_declared) {
    auto again =
        load_policies(loaded->texts, loaded->world, grants.in_force, issues, UnknownTemplate::kGrantsNothing);
    if (!again) return std::unexpected(first_of(issues));
    snapshot = again->snapshot;
  }
  const auto now = parts_.current.get();
  auto change = TRY(inventory::declaration(*now->inventory, loaded->world.declared));
  control::AccessWorld side{TRY(now->inventory->with(std::move(change.identities), std::move(change.apis))),
                            std::move(snapshot), now->pushed};
  add_open_to_all(loaded->world, side);
  return side;
}

Result<control::AccessWorld> PoliciesInForce::world(std::string_view name) const {
  if (name == control::kWorldOfFiles) return world_of_files();
  std::unique_lock lock(turn_);
  const auto now = parts_.current.get();
  control::AccessWorld side{now->inventory, now->policies, now->pushed};
  add_open_to_all(world_, side);
  if (name == control::kWorldInForce) return side;
  const auto kept = TRY(revisions_.find(name));
  const auto texts = TRY(revisions_.read(kept));
  auto world = world_;
  world.grants = grants_beside(world_).in_force;
  // Loading takes its time, and reloads do not wait for it.
  lock.unlock();
  files::Issues issues;
  const auto loaded = load_policies(texts, world, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded)
    return failure(ErrorCode::kInvalid,
                   fmt::format("revision {} cannot be used beside the inventory of now: {}", kept.revision,
                               render(issues.all().front())));
  side.policies = loaded->snapshot;
  return side;
}

}  // namespace writ::policy
