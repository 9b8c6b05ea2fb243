// What Writ's Cedar makes of a case, in the shape in which the reference answers
// (fuzz/differential/reference/src/answer.rs).
#pragma once

#include "codec/json.h"

#include "case.h"

namespace writ::differential {

codec::Json answer_of_writ(const Case& asked);

}  // namespace writ::differential
