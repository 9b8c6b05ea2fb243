// The attributes that routes take from an API's answer, held against the schema.
#pragma once

#include "cedar/schema.h"
#include "config/world.h"
#include "files/issue.h"

namespace writ::policy {

// An attribute that the schema does not have is an error, at the place of its route. Without a schema (null)
// there is nothing to hold them against.
void check_answers(const config::World& world, const cedar::Schema* schema, files::Issues& issues);

}  // namespace writ::policy
