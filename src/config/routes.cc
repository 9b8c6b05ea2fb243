#include "config/routes.h"

#include <fmt/format.h>
#include <map>
#include <unordered_map>

#include "config/route_paths.h"

namespace writ::config {
namespace {

// What was meant where the path is wrong, as far as it can be told.
std::string help_of(const DeclaredRoute& route) {
  const auto better = better_path(route.path);
  return better.empty() ? std::string() : fmt::format("write `{}`", better);
}

}  // namespace

std::shared_ptr<const gateway::Routes> make_routes(const World& world, files::Issues& issues) {
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
  std::vector<const DeclaredRoute*> declared;
  specs.reserve(world.routes.size());
  for (const auto& route : world.routes) {
    const auto upstream = upstreams.find(route.api);
    const auto action_type = action_types.find(route.api);
    // Either was reported when the world was read.
    if (upstream == upstreams.end() || action_type == action_types.end()) continue;
    if (upstream->second->to == nullptr) continue;
    const auto headers = forwarded.find(route.api);
    if (headers == forwarded.end()) continue;
    declared.push_back(&route);
    specs.push_back({.method = route.method,
                     .path = route.path,
                     .api = route.api,
                     .action = {action_type->second, route.action},
                     .resource_type = route.resource_type,
                     .resource_id = route.resource_id,
                     .attributes = route.attributes,
                     .upstream = {},
                     .amounts = route.amounts,
                     .labels = route.labels,
                     .forwarded = headers->second,
                     .query = route.query,
                     .cors = upstream->second->cors,
                     .answer = route.answer,
                     .is_public = route.is_public,
                     .observed = !upstream->second->enforced,
                     .facts = route.facts,
                     .rates = gateway::Rates::of(route.api, route.action, upstream->second->rates),
                     .to = upstream->second->to,
                     .web_socket = route.web_socket,
                     .stream = route.stream,
                     .timeouts = route.timeouts,
                     .hosts = upstream->second->hosts,
                     .redirects_slash = upstream->second->redirects_slash});
  }
  std::vector<gateway::Routes::Wrong> wrong;
  auto routes = gateway::Routes::make(std::move(specs), wrong);
  // Of two routes that cannot stand together the later one is at fault.
  for (auto& [number, error] : wrong)
    issues.error(number < declared.size() ? declared[number]->place : files::Place{},
                 std::move(error.message),
                 number < declared.size() ? help_of(*declared[number]) : std::string());
  return wrong.empty() ? std::make_shared<const gateway::Routes>(std::move(routes)) : nullptr;
}

}  // namespace writ::config
