// What a command that looks at the configuration alone begins with: the configuration, read and checked as
// `writ check` does, and the instant it is looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "policy/load.h"

namespace writ::cli {

// What to say of a name where there is no file to read; nothing where there is one.
std::optional<std::string> no_configuration(const std::string& named);

// The configuration in this file; a folder stands for the `writ.yaml` in it. What is wrong with it is printed
// to standard error, each with its place, and the error has how much it is.
Result<policy::Loaded> load_configuration(const std::string& named);

// Prints what is wrong with the configuration, and what was not done for that; returns kBroken.
int broken(const files::Issues& issues, std::string_view not_done = {});

// An API that a command line names, and one of its actions, or of any API's; empty ones are not asked about.
// kNotFound has the nearest that there are.
Result<void> check_names(const policy::Loaded& loaded, std::string_view api, std::string_view action = {});

// The instant that `--at` names: 2026-03-02T09:00:00Z, or +10m from now; now if it is empty.
Result<Instant> instant_of(const std::string& at);

}  // namespace writ::cli
