// Everything an operator wrote, read and checked together: configuration, world, policies, routes. What `writ
// check` reports on, and what `writ serve` starts from.
#pragma once

#include <filesystem>
#include <optional>

#include "server/config.h"
#include "server/issue.h"
#include "server/policies.h"
#include "server/routes.h"
#include "server/world.h"

namespace writ::server {

struct Loaded {
  Config config;
  World world;
  PolicyTexts texts;  // of the policies
  LoadedPolicies policies;
  std::shared_ptr<const gateway::Routes> routes;
};

// Nothing when there are errors; all that could be found in one run are in `issues`.
std::optional<Loaded> load(const std::filesystem::path& file, Issues& issues);
// The same of a configuration that was read, and perhaps changed.
std::optional<Loaded> load(Config config, Issues& issues);

}  // namespace writ::server
