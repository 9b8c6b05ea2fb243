// The files of a first configuration on disk, whole and checked, or not at all.
//
// Blocking; one thread.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "init/render.h"

namespace writ::init {

enum class Overwrite { kNever, kWhatInitWrites };

// Fails with kConflict, before anything is written, when one of the files is there already and must not be
// written over. A file that is no regular file is never written over.
Result<void> write_folder(const std::filesystem::path& folder, const std::vector<NewFile>& files,
                          Overwrite overwrite);

}  // namespace writ::init
