// writ claims: what the tokens of each API have to carry (docs/claims.md).
#pragma once

#include "cli/command.h"

namespace writ::cli {

void add_claims(Command& program);

}  // namespace writ::cli
