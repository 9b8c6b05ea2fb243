// From the routes that the configuration declares to the routes that the gateway follows.
//
// Pure. What does not fit together is reported with the route's place in the file.
#pragma once

#include <memory>

#include "config/world.h"
#include "files/issue.h"
#include "gateway/routes.h"

namespace writ::config {

// Null when there are errors; they are in `issues`.
std::shared_ptr<const gateway::Routes> make_routes(const World& world, files::Issues& issues);

}  // namespace writ::config
