// writ keys list, rotate, wrapping: the keys that Writ itself signs with (docs/keys.md).
#pragma once

#include "cli/command.h"

namespace writ::cli {

void add_signing_keys(Command& keys);

}  // namespace writ::cli
