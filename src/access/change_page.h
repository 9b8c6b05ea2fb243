// The page of a change: one HTML file that says by identity what is given and taken (report/html.h). Pure.
#pragma once

#include <string>

#include "access/change.h"
#include "report/html.h"

namespace writ::access {

// `before`, `after`: how the sides are called.
report::Markup change_part(const AccessChange& change, std::string_view before, std::string_view after);

}  // namespace writ::access
