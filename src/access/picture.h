// Picture: who acts for whom, and who reaches what, as an inline SVG.
//
// A line for each group of identities; arcs on the left lead from who acts to for whom; a column for each
// API on the right. Colours say nothing that a shape or a word does not say too. Pure.
#pragma once

#include <string>

#include "access/overview.h"
#include "report/html.h"

namespace writ::access {

// The id of the element that tells more of a group.
std::string group_anchor(std::size_t place);
// "ada, bo and 4 more"
std::string names_of(const Group& group, std::size_t most);

report::Markup picture_of(const Overview& overview);

}  // namespace writ::access
