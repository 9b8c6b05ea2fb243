// Ways: the routes of the configuration, read backwards. From an action on a resource to the request that
// leads there, with what its path says of the resource.
//
// Borrows what was loaded. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "policy/load.h"
#include "policytest/suite.h"

namespace writ::policytest {

// A route with a value for each parameter of its path.
struct Way {
  const config::DeclaredRoute* route;
  std::map<std::string, std::string, std::less<>> values;

  std::string fill(std::string_view text) const;  // "{tenant}/{invoice}"
  cedar::EntityUid resource() const;
  codec::Json attributes() const;  // of the resource, as the route says them; null: it says none
};

class Ways {
 public:
  explicit Ways(const policy::Loaded& loaded) : loaded_(loaded) {}

  // The way that a request takes which names its route. Nothing: no route takes it.
  std::optional<Way> of(const Target& target) const;
  // By this route to the resource. What the id does not say of the path is taken from `values`. Nothing when
  // the path stays open.
  std::optional<Way> by(const config::DeclaredRoute& route, std::string_view resource_id,
                        const std::map<std::string, std::string, std::less<>>& values) const;
  // By the first route of the API for this action on this resource.
  std::optional<Way> to(std::string_view api, const cedar::EntityUid& action,
                        const cedar::EntityUid& resource,
                        const std::map<std::string, std::string, std::less<>>& values) const;
  // The request that goes this way. Nothing when another route would take it. `like` gives the rest.
  std::optional<Target> target(const Way& way, const Target& like) const;

  const std::vector<config::DeclaredRoute>& routes() const { return loaded_.world.routes; }

 private:
  const policy::Loaded& loaded_;
};

}  // namespace writ::policytest
