// Whose a file is that only Writ may write: what anybody else may write could be exchanged under it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <sys/stat.h>

#include "base/result.h"

namespace writ {

enum class Writers : std::uint8_t { kOwner, kGroup };  // who may write it

// `what` names it in the message: "the audit log". Refuses what is no file (or no folder), is owned by
// somebody else than Writ's user or root, or may be written by others than `writers`. kConflict; the message
// says what to do.
Result<void> check_private(const struct stat& info, const std::filesystem::path& path, const char* what,
                           Writers writers);
// By its path, without following a link. What is not there passes.
Result<void> check_private(const std::filesystem::path& path, const char* what, Writers writers);

}  // namespace writ
