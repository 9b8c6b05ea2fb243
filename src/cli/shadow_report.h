// writ audit shadow-report: which recorded decisions the shadow policies would have changed, for whom, how
// often.
#pragma once

#include "cli/commands.h"

namespace writ::cli {

// Adds it to `writ audit`.
void add_shadow_report(Command& audit);

}  // namespace writ::cli
