// Everything an operator wrote, read and checked together: configuration, world, policies, routes. What `writ
// check` reports on, and what `writ serve` starts from.
#pragma once

#include <filesystem>
#include <optional>

#include "config/config.h"
#include "config/routes.h"
#include "config/world.h"
#include "files/issue.h"
#include "policy/policies.h"

namespace writ::policy {

struct Loaded {
  config::Config config;
  config::World world;
  PolicyTexts texts;  // of the policies
  LoadedPolicies policies;
  std::shared_ptr<const gateway::Routes> routes;
};

// Nothing when there are errors; all that could be found in one run are in `issues`.
std::optional<Loaded> load(const std::filesystem::path& file, files::Issues& issues);
// The same of a configuration that was read, and perhaps changed.
std::optional<Loaded> load(config::Config config, files::Issues& issues);

}  // namespace writ::policy
