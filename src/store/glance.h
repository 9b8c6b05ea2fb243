// How a database is looked at without touching it: a VFS under SQLite that reads the files as they lie there
// and keeps every write in memory.
//
// So SQLite itself says what a file holds after a crash: it applies the write-ahead log, and rolls back a
// journal, as it does when it opens the file for good, and the folder stays as it was. Nothing is locked,
// nothing is made. Memory grows with what is rolled back, not with the size of the database. Thread-safe; use
// one connection for one look, with `PRAGMA locking_mode=EXCLUSIVE` before anything else, for there is no
// memory that could be shared with other processes.
#pragma once

#include "base/result.h"

namespace writ::store {

// The name for sqlite3_open_v2(); registers the VFS at the first call. kUnavailable: SQLite has no VFS at
// all.
Result<const char*> glance_vfs();

}  // namespace writ::store
