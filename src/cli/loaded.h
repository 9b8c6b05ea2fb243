// What a command that looks at the configuration alone begins with: the configuration, read and checked as
// `writ check` does, and the instant it is looked at.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "policy/load.h"

namespace writ::cli {

// The configuration in this file; a folder stands for the `writ.yaml` in it. What is wrong with it is printed
// to standard error, each with its place, and the error has how much it is.
Result<policy::Loaded> load_configuration(const std::string& named);

// The instant that `--at` names: 2026-03-02T09:00:00Z, or +10m from now; now if it is empty.
Result<Instant> instant_of(const std::string& at);

}  // namespace writ::cli
