// Audit records as commands show them to people.
#pragma once

#include <string>

#include "codec/json.h"

namespace writ::cli {

// Who acts for whom, as it came about: "nora → support-portal → support-agent".
std::string parties_of(const codec::Json& record);
// One record on one line.
std::string line_of(const codec::Json& record);

// A decision that the shadow policies would have made otherwise, and how: "deny policy_forbid".
bool would_change(const codec::Json& record);
std::string shadow_outcome(const codec::Json& record);

}  // namespace writ::cli
