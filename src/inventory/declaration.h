// Declaration: what a configuration's word, whole, would change about an inventory: what it declared once and
// does not any more is retired, until it is declared again (inventory/directory.h). Pure.
#pragma once

#include "base/result.h"
#include "inventory/directory.h"

namespace writ::inventory {

// Identities and APIs that differ from what is there; grants are left alone. kInvalid, and kConflict where an
// identity is declared twice, would have another kind, or would be above itself.
Result<Change> declaration(const Snapshot& now, Change declared);

}  // namespace writ::inventory
