// What the reference prints, read by Writ: policies and schemas in their JSON forms, and schemas in Cedar's
// syntax.
#pragma once

#include <vector>

#include "codec/json.h"

#include "case.h"
#include "compare.h"

namespace writ::differential {

// `printed` is that member of the reference's answer. A difference when Writ refuses what was printed, or
// reads something else from it than from the text that the reference read.
std::vector<Difference> printed_differences(const Case& asked, const codec::Json& printed);

}  // namespace writ::differential
