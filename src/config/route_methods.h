// Methods of routes that are taken as they stand, and most often were meant otherwise: `get`, `GTE`. Methods
// are case-sensitive (RFC 9110 §9.1), so no request has this one, and the route would never be used.
#pragma once

#include "files/fields.h"

namespace writ::config {

// A warning about a method that is one of HTTP's but for its case or a slip. What can be no method is an
// error of the routes (config/routes.h).
void warn_of_method(const files::YamlNode& method, files::Source& source);

}  // namespace writ::config
