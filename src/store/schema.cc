#include "store/schema.h"

#include <fmt/format.h>
#include <system_error>

namespace writ::store {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE identities (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE stops (id TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE apis (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE tasks (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL,
                    state TEXT NOT NULL) STRICT;
CREATE TABLE budgets (task TEXT NOT NULL REFERENCES tasks (id), budget TEXT NOT NULL, reserved INTEGER NOT NULL,
                      PRIMARY KEY (task, budget)) STRICT, WITHOUT ROWID;
CREATE TABLE task_labels (task TEXT NOT NULL REFERENCES tasks (id), label TEXT NOT NULL,
                          PRIMARY KEY (task, label)) STRICT, WITHOUT ROWID;
CREATE TABLE calls (id TEXT PRIMARY KEY, record TEXT NOT NULL, state TEXT NOT NULL, until_ms INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE revocations (jti TEXT PRIMARY KEY, expires_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX revocations_by_expiry ON revocations (expires_at_ms);
CREATE TABLE used_identifiers (digest TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX used_identifiers_by_end ON used_identifiers (until_ms);
CREATE TABLE entities (type TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (type, id))
  STRICT, WITHOUT ROWID;
CREATE TABLE audit_head (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE signing_keys (position INTEGER PRIMARY KEY, kid TEXT NOT NULL UNIQUE, jwk TEXT NOT NULL) STRICT;
)";

// Of a key: the newest one signed, and nobody noted since when.
constexpr const char* kStatesOfKeys = R"(
ALTER TABLE signing_keys ADD COLUMN state TEXT NOT NULL DEFAULT 'retired';
ALTER TABLE signing_keys ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN until_ms INTEGER NOT NULL DEFAULT 0;
UPDATE signing_keys SET state = 'signing' WHERE position = (SELECT max(position) FROM signing_keys);
)";

// What came later: made where it is not there, in databases of this version that are older.
constexpr const char* kLater = R"(
CREATE TABLE IF NOT EXISTS reviews (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, by TEXT NOT NULL,
                                    next_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used_days (id TEXT PRIMARY KEY, active_since INTEGER NOT NULL, first INTEGER NOT NULL,
                                      last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grants (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS api_keys (id TEXT PRIMARY KEY, record TEXT NOT NULL, used_ms INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS issuer_prefixes (issuer TEXT PRIMARY KEY, prefix TEXT NOT NULL) STRICT, WITHOUT ROWID;
)";

enum class Found { kNothing, kOurs };

Result<Found> recognise(Database& database) {
  const auto application = TRY(database.number("PRAGMA application_id"));
  const auto version = TRY(database.number("PRAGMA user_version"));
  if (application == 0 && version == 0 && TRY(database.number("SELECT count(*) FROM sqlite_schema")) == 0)
    return Found::kNothing;
  if (application != kApplicationId) {
    return failure(
        ErrorCode::kConflict,
        fmt::format("{} is another program's: its application id is {:#x}, expected {:#x}; move it "
                    "away, or name another data folder in the configuration",
                    database.name(), application, kApplicationId));
  }
  if (version != kSchemaVersion) {
    return failure(
        ErrorCode::kConflict,
        fmt::format("{} has version {} of the schema, expected {}; start the Writ that wrote it, or "
                    "name another data folder in the configuration",
                    database.name(), version, kSchemaVersion));
  }
  return Found::kOurs;
}

// One transaction: a crash in the middle leaves an empty file, which the next start takes for a new one.
Result<void> create(Database& database) {
  auto transaction = TRY(Transaction::begin(database));
  TRY(database.execute(kSchema));
  TRY(database.execute(
      fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kSchemaVersion)));
  return transaction.commit();
}

Result<void> add_states_of_keys(Database& database) {
  const auto there =
      TRY(database.number("SELECT count(*) FROM pragma_table_info('signing_keys') WHERE name = 'state'"));
  if (there != 0) return {};
  auto transaction = TRY(Transaction::begin(database));
  TRY(database.execute(kStatesOfKeys));
  return transaction.commit();
}

// SQLite throws a write-ahead log away when its database is not there, with all that was acknowledged.
Result<void> refuse_log_alone(const std::filesystem::path& path) {
  std::error_code no_database, no_log;
  if (std::filesystem::file_size(path, no_database) > 0 && !no_database) return {};
  const auto log = path.string() + "-wal";
  if (const auto size = std::filesystem::file_size(log, no_log); no_log || size == 0) return {};
  return failure(ErrorCode::kCorrupt,
                 fmt::format("database `{}` is {}, but its write-ahead log `{}` is there; bring back the "
                             "database that belongs to it, or move the log away to begin anew",
                             path.string(), no_database ? "not there" : "empty", log));
}

}  // namespace

Result<Database> open_database(const std::filesystem::path& path) {
  TRY(refuse_log_alone(path));
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    // Opening a file for writing finishes what a crash interrupted in it, so whose it is must be known
    // before.
    auto glance = TRY(Database::look(path));
    TRY(recognise(glance));
  }
  auto database = TRY(Database::open(path));
  if (TRY(recognise(database)) == Found::kNothing) {
    TRY(create(database));
    database.note_made_now();
  }
  TRY(database.adopt());
  TRY(database.execute(kLater));
  TRY(add_states_of_keys(database));
  return database;
}

}  // namespace writ::store
