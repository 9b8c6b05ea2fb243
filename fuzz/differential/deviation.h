// Where Writ differs from the reference on purpose; docs/cedar.md lists the same.
#pragma once

#include <string_view>

#include "codec/json.h"

#include "case.h"
#include "compare.h"

namespace writ::differential {

// The name of the documented deviation that explains a difference; empty when none does. `writ` is Writ's
// whole answer, with its complaints.
std::string_view deviation(const Case& asked, const Difference& difference, const codec::Json& writ);

}  // namespace writ::differential
