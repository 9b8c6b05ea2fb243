// writ rightsize: narrower policies that keep what the audit log says is used (docs/rightsize.md).
#pragma once

#include "cli/commands.h"

namespace writ::cli {

void add_rightsize(Command& program);

}  // namespace writ::cli
