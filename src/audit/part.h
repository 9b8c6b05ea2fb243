// A part of a log, found again: a log that is rotated while it is read gives its files other names, and
// nothing of it may be missed, or seem to be missing, for that.
//
// Waits for the disk. Thread-safe.
#pragma once

#include "audit/files.h"
#include "audit/lines.h"

namespace writ::audit {

// The file that begins as the part says, under whichever name of its folder. kNotFound when it is gone.
Result<Lines> open_part(const Part& part);

}  // namespace writ::audit
