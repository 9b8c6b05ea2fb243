// What of a configuration a reload takes over, and what waits for the next start (docs/configuration.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "server/issue.h"
#include "server/yaml.h"

namespace writ::server {

// The keys that differ and are taken over: "inventory", "calendars", "limits.max_chain". Both are whole
// configurations without errors.
std::vector<std::string> reloaded_keys(const YamlNode& before, const YamlNode& now);

// A warning for each key that differs from what it was at the start and is not taken over.
void warn_of_restart(const YamlNode& at_start, const YamlNode& now, const std::filesystem::path& file,
                     Issues& issues);

}  // namespace writ::server
