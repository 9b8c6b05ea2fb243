// The tables of Writ's database, and how a file is known to be one: by the application's id and the schema's
// version in its header. One version of Writ reads one version of the schema.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "store/sqlite.h"

namespace writ::store {

inline constexpr std::int64_t kApplicationId = 0x57524954;  // "WRIT"
inline constexpr std::int64_t kSchemaVersion = 6;

// Creates the database where there is none. What is not Writ's, or of another version, is refused with what
// was found, what was expected and what to do (kConflict, kCorrupt), and is left as it was.
Result<Database> open_database(const std::filesystem::path& path);

}  // namespace writ::store
