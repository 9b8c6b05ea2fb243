// What routes say of actions and types of resources, held against the schema.
#pragma once

#include "cedar/schema.h"
#include "config/world.h"
#include "files/issue.h"

namespace writ::policy {

// A warning at the first route of an action and a type that the schema does not declare, or does not let go
// together: no policy that the schema lets pass is about them, so most likely a word is misspelt, and every
// request would be refused. Without a schema (null) there is nothing to hold them against. Public routes are
// not decided.
void warn_of_route_types(const config::World& world, const cedar::Schema* schema, files::Issues& issues);

}  // namespace writ::policy
