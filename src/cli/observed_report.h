// writ audit observed: what would have been refused at APIs that are only observed (`enforce: false`), for
// whom, and why.
#pragma once

#include "cli/commands.h"

namespace writ::cli {

// Adds it to `writ audit`.
void add_observed_report(Command& audit);

}  // namespace writ::cli
