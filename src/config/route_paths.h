// Paths of routes that are taken as they stand, and most often were meant otherwise: `/orders/*`,
// `/orders/:id`, `/orders/<id>`. No request has such a path, so the route would never be used, and whoever
// wrote it believes that it is.
#pragma once

#include <string>
#include <string_view>

#include "files/fields.h"

namespace writ::config {

// The path with parameters as Writ writes them, `/orders/{id}`; empty: there is nothing to mend.
std::string better_path(std::string_view path);

// A warning about the first thing in the path that reads like the way others write a pattern. What can be no
// path is an error of the routes (config/routes.h).
void warn_of_path(const files::YamlNode& path, files::Source& source);

}  // namespace writ::config
