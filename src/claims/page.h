// Page: what the tokens of each API carry and who reads it, as a part of an HTML report (report/html.h).
// Pure.
#pragma once

#include <vector>

#include "claims/report.h"
#include "report/html.h"

namespace writ::claims {

// `findings` are those of lint().
report::Markup contracts_part(const std::vector<Sheet>& sheets, const std::vector<ClaimFinding>& findings);

}  // namespace writ::claims
