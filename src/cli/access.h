// writ access: who reaches what (docs/access.md).
#pragma once

#include "cli/command.h"

namespace writ::cli {

void add_access(Command& program);

}  // namespace writ::cli
