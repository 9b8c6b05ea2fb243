#include <algorithm>
#include <fmt/format.h>

#include "http/target.h"
#include "init/render.h"
#include "init/text.h"

namespace writ::init {
namespace {

constexpr std::string_view kTenant = "north";

// What stands first is tried first.
int rank(const PlannedRoute& route) {
  const bool reads = route.deed == Deed::kRead && route.method == "GET";
  return (reads ? 0 : 4) + (route.attributes.empty() ? 0 : 1) + (route.parameters.empty() ? 2 : 0);
}

}  // namespace

std::string_view example_tenant(const Draft& draft) {
  const bool any =
      std::ranges::any_of(draft.routes, [](const auto& route) { return !route.attributes.empty(); });
  return any ? kTenant : std::string_view();
}

Example example_of(const Draft& draft, const PlannedRoute& route, std::string_view value) {
  std::string path = http::encode_path(route.path), id = route.id;
  const auto put = [](std::string& text, const std::string& place, std::string_view with) {
    if (const auto at = text.find(place); at != text.npos) text.replace(at, place.size(), with);
  };
  for (const auto& name : route.parameters) {
    const auto place = fmt::format("{{{}}}", name);
    const bool of_tenant = !route.attributes.empty() && route.attributes.front().second == place;
    const auto with = of_tenant ? kTenant : value;
    put(path, http::encode_path(place), with);
    put(id, place, with);
  }
  for (const auto& name : route.forms) put(path, http::encode_path(fmt::format("{{{}}}", name)), "1");
  return {&route, std::move(path), cedar_entity(draft.name_space + "::" + route.type, id)};
}

Example first_example(const Draft& draft) {
  return example_of(draft, *std::ranges::min_element(draft.routes, {}, rank), "1");
}

std::optional<Example> other_example(const Draft& draft, const Example& first) {
  auto other = example_of(draft, *first.route, "2");
  if (other.resource != first.resource) return other;
  for (const auto& route : draft.routes) {
    other = example_of(draft, route, "2");
    if (other.resource != first.resource) return other;
  }
  return std::nullopt;
}

}  // namespace writ::init
