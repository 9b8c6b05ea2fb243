// writ report: who reaches what, what tokens carry, what is wrong and what may be narrower, on one HTML page
// (docs/report.md).
#pragma once

#include "cli/command.h"

namespace writ::cli {

void add_report(Command& program);

}  // namespace writ::cli
