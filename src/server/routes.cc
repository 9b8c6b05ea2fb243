#include "server/routes.h"

#include <fmt/format.h>
#include <map>
#include <unordered_map>

namespace writ::server {
namespace {

std::string name_of(const DeclaredRoute& route) {
  return fmt::format("route `{} {}`", route.method, route.path);
}

// Of two routes that cannot stand together the later one is at fault.
Place place_of(const World& world, std::string_view message) {
  for (auto route = world.routes.rbegin(); route != world.routes.rend(); ++route) {
    if (message.starts_with(name_of(*route))) return route->place;
  }
  return {};
}

}  // namespace

std::shared_ptr<const gateway::Routes> make_routes(const World& world, Issues& issues) {
  std::map<std::string_view, std::shared_ptr<const gateway::ForwardedHeaders>> forwarded;
  for (const auto& upstream : world.upstreams) {
    // What is wrong with a name was reported when the world was read.
    if (auto made = gateway::ForwardedHeaders::with(upstream.forward_headers))
      forwarded[upstream.api] = std::make_shared<const gateway::ForwardedHeaders>(*std::move(made));
  }
  std::unordered_map<std::string_view, const DeclaredUpstream*> upstreams;
  for (const auto& upstream : world.upstreams) upstreams.try_emplace(upstream.api, &upstream);
  std::unordered_map<std::string_view, std::string> action_types;
  for (const auto& api : world.declared.apis) action_types.try_emplace(api.id, api.action_type());
  std::vector<gateway::RouteSpec> specs;
  specs.reserve(world.routes.size());
  for (const auto& route : world.routes) {
    const auto upstream = upstreams.find(route.api);
    const auto action_type = action_types.find(route.api);
    // Either was reported when the world was read.
    if (upstream == upstreams.end() || action_type == action_types.end()) continue;
    const auto headers = forwarded.find(route.api);
    if (headers == forwarded.end()) continue;
    specs.push_back({.method = route.method,
                     .path = route.path,
                     .api = route.api,
                     .action = {action_type->second, route.action},
                     .resource_type = route.resource_type,
                     .resource_id = route.resource_id,
                     .attributes = route.attributes,
                     .upstream = upstream->second->url,
                     .amounts = route.amounts,
                     .labels = route.labels,
                     .forwarded = headers->second,
                     .query = route.query});
  }
  auto routes = gateway::Routes::make(std::move(specs));
  if (routes) return std::make_shared<const gateway::Routes>(*std::move(routes));
  issues.error(place_of(world, routes.error().message), routes.error().message);
  return nullptr;
}

}  // namespace writ::server
