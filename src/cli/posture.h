// writ posture: what is wrong, how badly, and what to do (docs/posture.md).
#pragma once

#include "cli/command.h"

namespace writ::cli {

void add_posture(Command& program);

}  // namespace writ::cli
