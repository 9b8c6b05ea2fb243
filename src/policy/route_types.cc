#include "policy/route_types.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>
#include <tuple>
#include <vector>

#include "codec/nearest.h"
#include "task/budget.h"

namespace writ::policy {
namespace {

std::string meant(std::string_view name, const std::vector<std::string_view>& names) {
  const auto near = codec::nearest(name, names);
  return near.empty() ? std::string() : fmt::format("did you mean `{}`?", near);
}

void warn_of(const config::DeclaredRoute& route, const cedar::EntityUid& action, const cedar::Schema& schema,
             files::Issues& issues) {
  const auto* declared = schema.find_action(action);
  if (declared == nullptr)
    return issues.warning(
        route.place,
        fmt::format("the schema does not declare the action `{}` of this route, so no policy can name it",
                    task::uid_text(action)),
        "declare it in a schema");
  if (schema.find_entity_type(route.resource_type) == nullptr) {
    std::vector<std::string_view> names(declared->resources.begin(), declared->resources.end());
    return issues.warning(
        route.place,
        fmt::format(
            "the schema does not declare the type `{}` of this route's resource, so no policy can name it",
            route.resource_type),
        meant(route.resource_type, names));
  }
  if (declared->applies_to_resource(route.resource_type)) return;
  issues.warning(route.place,
                 fmt::format("by the schema, `{}` does not apply to `{}`, the type of this route's resource",
                             task::uid_text(action), route.resource_type),
                 declared->resources.empty()
                     ? std::string()
                     : fmt::format("it applies to {}", fmt::join(declared->resources, ", ")));
}

}  // namespace

void warn_of_route_types(const config::World& world, const cedar::Schema* schema, files::Issues& issues) {
  if (schema == nullptr) return;
  std::set<std::tuple<std::string_view, std::string_view, std::string_view>> seen;
  for (const auto& route : world.routes) {
    if (route.is_public || !seen.emplace(route.api, route.action, route.resource_type).second) continue;
    const auto api = std::ranges::find(world.declared.apis, route.api, &inventory::Api::id);
    if (api == world.declared.apis.end()) continue;
    // What is not an action of the API at all was reported.
    if (std::ranges::find(api->actions, route.action) == api->actions.end()) continue;
    warn_of(route, {api->action_type(), route.action}, *schema, issues);
  }
}

}  // namespace writ::policy
