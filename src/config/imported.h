// What was imported of other systems (intake/imports.h), as the configuration takes it: `inventory.imported`
// names the folder, and `imported` at an identity links it to what it is in other systems.
//
// An import that no identity is linked to is listed as an identity of its own, requested: it may take part in
// nothing. One that is linked is evidence of that identity. Nothing is linked by a name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "files/issue.h"
#include "intake/imports.h"
#include "inventory/identity.h"

namespace writ::config {

// The folder of `inventory.imported`; nothing when the configuration names none.
std::optional<std::filesystem::path> imports_folder(const Config& config);
// Where an import is kept.
std::filesystem::path import_file(const std::filesystem::path& folder, std::string_view name);

// All that was imported, by the names of the imports. Reports into `issues`.
std::vector<intake::Import> read_imports(const std::filesystem::path& folder, files::Issues& issues);

// What the identities of the configuration are linked to.
std::vector<intake::Listed> read_links(const Config& config);

// Adds what was imported to the declared identities. Reports into `issues`.
void add_imported(const Config& config, std::vector<inventory::Identity>& declared, files::Issues& issues);

}  // namespace writ::config
