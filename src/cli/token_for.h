// `writ token for`, a command of `writ token`.
#pragma once

#include "cli/command.h"

namespace writ::cli {

void add_token_for(Command& token);

}  // namespace writ::cli
