// Schemas in Cedar's schema syntax, at random: namespaces, hierarchies, enumerated types, common types, tags,
// optional and oddly named attributes, groups of actions. Most are right; a few declare or name what they
// must not.
#pragma once

#include <string>

#include "random.h"

namespace writ::differential {

std::string make_schema(Random& random);

}  // namespace writ::differential
