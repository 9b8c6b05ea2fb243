#include "server/routes.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

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
  std::vector<gateway::RouteSpec> specs;
  for (const auto& route : world.routes) {
    const auto upstream = std::ranges::find(world.upstreams, route.api, &DeclaredUpstream::api);
    const auto api = std::ranges::find(world.declared.apis, route.api, &inventory::Api::id);
    // Either was reported when the world was read.
    if (upstream == world.upstreams.end() || api == world.declared.apis.end()) continue;
    const auto headers = forwarded.find(route.api);
    if (headers == forwarded.end()) continue;
    specs.push_back({.method = route.method,
                     .path = route.path,
                     .api = route.api,
                     .action = {api->action_type(), route.action},
                     .resource_type = route.resource_type,
                     .resource_id = route.resource_id,
                     .attributes = route.attributes,
                     .upstream = upstream->url,
                     .amounts = route.amounts,
                     .labels = route.labels,
                     .forwarded = headers->second,
                     .query = route.query,
                     .tls = upstream->tls});
  }
  auto routes = gateway::Routes::make(std::move(specs));
  if (routes) return std::make_shared<const gateway::Routes>(*std::move(routes));
  issues.error(place_of(world, routes.error().message), routes.error().message);
  return nullptr;
}

}  // namespace writ::server
