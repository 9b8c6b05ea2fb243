// What of a configuration a reload takes over, and what waits for the next start (docs/configuration.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "files/issue.h"
#include "files/yaml.h"

namespace writ::policy {

// The keys that differ and are taken over: "inventory", "calendars", "limits.max_chain". Both are whole
// configurations without errors.
std::vector<std::string> reloaded_keys(const files::YamlNode& before, const files::YamlNode& now);

// A warning for each key that differs from what it was at the start and is not taken over.
void warn_of_restart(const files::YamlNode& at_start, const files::YamlNode& now,
                     const std::filesystem::path& file, files::Issues& issues);

// Whether what else the issuers are is the same as at the start: then what they `accept` is taken over.
bool takes_over_accept(const files::YamlNode& at_start, const files::YamlNode& now);

}  // namespace writ::policy
