// From the routes that the configuration declares to the routes that the gateway follows.
//
// Pure. What does not fit together is reported with the route's place in the file.
#pragma once

#include <memory>

#include "gateway/routes.h"
#include "server/issue.h"
#include "server/world.h"

namespace writ::server {

// Null when there are errors; they are in `issues`.
std::shared_ptr<const gateway::Routes> make_routes(const World& world, Issues& issues);

}  // namespace writ::server
