#include "store/sqlite_store.h"

#include <fmt/format.h>
#include <map>

#include "codec/json.h"

namespace writ::store {
namespace {

// "WRIT": tells our files from those of other programs that use SQLite.
constexpr std::int64_t kApplicationId = 0x57524954;
constexpr std::int64_t kSchemaVersion = 1;

constexpr const char* kSchema = R"(
CREATE TABLE identities (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE apis (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE tasks (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL,
                    state TEXT NOT NULL) STRICT;
CREATE TABLE budgets (task TEXT NOT NULL REFERENCES tasks (id), budget TEXT NOT NULL, reserved INTEGER NOT NULL,
                      PRIMARY KEY (task, budget)) STRICT, WITHOUT ROWID;
CREATE TABLE revocations (jti TEXT PRIMARY KEY, expires_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE signing_keys (position INTEGER PRIMARY KEY, kid TEXT NOT NULL UNIQUE, jwk TEXT NOT NULL) STRICT;
)";

Result<bool> is_empty(Database& database) {
  auto tables = TRY(database.prepare("SELECT count(*) FROM sqlite_schema"));
  TRY(tables.step());
  return tables.number(0) == 0;
}

Result<void> create(Database& database) {
  auto transaction = TRY(Transaction::begin(database));
  TRY(database.execute(kSchema));
  TRY(database.execute(
      fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kSchemaVersion)));
  return transaction.commit();
}

// Looks before it touches.
Result<void> recognise(Database& database) {
  const auto application = TRY(database.pragma("application_id"));
  const auto version = TRY(database.pragma("user_version"));
  if (application == 0 && version == 0 && TRY(is_empty(database))) return create(database);
  if (application != kApplicationId)
    return failure(ErrorCode::kConflict,
                   "it is another program's database; name another data folder in the configuration");
  if (version != kSchemaVersion)
    return failure(
        ErrorCode::kConflict,
        fmt::format("it has version {} and this Writ reads version {}; run the Writ that wrote it, "
                    "or name another data folder",
                    version, kSchemaVersion));
  return {};
}

Result<task::State> state_from_name(std::string_view name) {
  for (const auto state : {task::State::kActive, task::State::kEnded, task::State::kRevoked}) {
    if (task::state_name(state) == name) return state;
  }
  return failure(ErrorCode::kCorrupt, fmt::format("there is no task state `{}`", name));
}

}  // namespace

struct SqliteStore::Statements {
  Statement load_identities, load_apis, save_identity, save_api;
  Statement load_tasks, load_budgets, save_task, save_state, reserve;
  Statement load_revocations, save_revocation, forget_revocations;
  Statement load_keys, save_key;

  static Result<std::unique_ptr<Statements>> prepare(Database& database) {
    return std::unique_ptr<Statements>(new Statements {
      .load_identities = TRY(database.prepare("SELECT record FROM identities ORDER BY id"))
      , .load_apis = TRY(database.prepare("SELECT record FROM apis ORDER BY id"))
      , .save_identity = TRY(database.prepare("INSERT INTO identities (id, record) VALUES (?1, ?2) "
                                              "ON CONFLICT (id) DO UPDATE SET record = ?2"))
      , .save_api = TRY(database.prepare("INSERT INTO apis (id, record) VALUES (?1, ?2) "
                                         "ON CONFLICT (id) DO UPDATE SET record = ?2"))
      , .load_tasks = TRY(database.prepare("SELECT record, state FROM tasks ORDER BY position"))
      , .load_budgets = TRY(database.prepare("SELECT task, budget, reserved FROM budgets"))
      , .save_task = TRY(database.prepare("INSERT INTO tasks (id, record, state) VALUES (?1, ?2, 'active')"))
      , .save_state = TRY(database.prepare("UPDATE tasks SET state = ?2 WHERE id = ?1 RETURNING 1"))
      , .reserve = TRY(database.prepare("INSERT INTO budgets (task, budget, reserved) VALUES (?1, ?2, ?3) "
                                        "ON CONFLICT (task, budget) DO UPDATE SET reserved = ?3"))
      , .load_revocations = TRY(database.prepare("SELECT jti, expires_at_ms FROM revocations"))
      , .save_revocation =
            TRY(database.prepare("INSERT INTO revocations (jti, expires_at_ms) VALUES (?1, ?2) "
                                 "ON CONFLICT (jti) DO NOTHING"))
      , .forget_revocations = TRY(database.prepare("DELETE FROM revocations WHERE expires_at_ms < ?1"))
      , .load_keys = TRY(database.prepare("SELECT jwk FROM signing_keys ORDER BY position DESC"))
      , .save_key = TRY(database.prepare("INSERT INTO signing_keys (kid, jwk) VALUES (?1, ?2)"))
    });
  }
};

SqliteStore::SqliteStore(Database database, std::unique_ptr<Statements> statements)
    : database_(std::move(database)), statements_(std::move(statements)) {}

SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& path) {
  auto database = TRY(Database::open(path));
  const auto where = fmt::format("database `{}`", path.string());
  if (auto known = recognise(database); !known) return std::unexpected(std::move(known).error().in(where));
  // Only now: it changes the file.
  TRY(database.execute("PRAGMA journal_mode=WAL"));
  auto statements = Statements::prepare(database);
  if (!statements) return std::unexpected(std::move(statements).error().in(where));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(database), *std::move(statements)));
}

Result<inventory::Change> SqliteStore::load_inventory() {
  const std::lock_guard lock(mutex_);
  inventory::Change change;
  auto& identities = statements_->load_identities;
  while (TRY(identities.step()))
    change.identities.push_back(TRY(inventory::identity_from_record(identities.text(0))));
  identities.reset();
  auto& apis = statements_->load_apis;
  while (TRY(apis.step())) change.apis.push_back(TRY(inventory::api_from_record(apis.text(0))));
  apis.reset();
  return change;
}

Result<void> SqliteStore::save_inventory(const inventory::Change& change) {
  const std::lock_guard lock(mutex_);
  auto transaction = TRY(Transaction::begin(database_));
  for (const auto& identity : change.identities)
    TRY(statements_->save_identity.bind(1, identity.id).bind(2, identity_record(identity)).run());
  for (const auto& api : change.apis)
    TRY(statements_->save_api.bind(1, api.id).bind(2, api_record(api)).run());
  return transaction.commit();
}

Result<std::vector<task::StoredTask>> SqliteStore::load_tasks() {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::vector<task::Reservation>, std::less<>> reserved;
  auto& budgets = statements_->load_budgets;
  while (TRY(budgets.step())) {
    task::Reservation one{std::string(budgets.text(0)), std::string(budgets.text(1)), budgets.number(2)};
    reserved[one.task].push_back(std::move(one));
  }
  budgets.reset();
  std::vector<task::StoredTask> stored;
  auto& tasks = statements_->load_tasks;
  while (TRY(tasks.step())) {
    auto task = TRY(task::task_from_record(tasks.text(0)));
    const auto state = TRY(state_from_name(tasks.text(1)));
    auto& mine = reserved[task.id];
    stored.push_back({std::move(task), state, std::move(mine)});
  }
  tasks.reset();
  return stored;
}

Result<void> SqliteStore::save_task(const task::Task& task) {
  const std::lock_guard lock(mutex_);
  auto saved = statements_->save_task.bind(1, task.id).bind(2, task_record(task)).run();
  if (!saved && saved.error().code == ErrorCode::kConflict)
    return failure(ErrorCode::kConflict, fmt::format("there is a task `{}` already", task.id));
  return saved;
}

Result<void> SqliteStore::save_state(std::string_view id, task::State state) {
  const std::lock_guard lock(mutex_);
  auto& statement = statements_->save_state.bind(1, id).bind(2, task::state_name(state));
  const bool found = TRY(statement.step());
  // The change is made when the statement has come to its end.
  TRY(statement.run());
  if (found) return {};
  return failure(ErrorCode::kNotFound, fmt::format("there is no task `{}`", id));
}

Result<void> SqliteStore::reserve(const task::Reservation& reservation) {
  const std::lock_guard lock(mutex_);
  return statements_->reserve.bind(1, reservation.task)
      .bind(2, reservation.budget)
      .bind(3, reservation.amount)
      .run();
}

Result<void> SqliteStore::save(const token::Revocation& revocation) {
  const std::lock_guard lock(mutex_);
  // An expired token needs no revocation; the margin is for a clock that was set back.
  const auto forgettable = SystemClock().now() - std::chrono::hours(24);
  TRY(statements_->forget_revocations.bind(1, unix_millis(forgettable)).run());
  return statements_->save_revocation.bind(1, revocation.jti)
      .bind(2, unix_millis(revocation.expires_at))
      .run();
}

Result<std::vector<token::Revocation>> SqliteStore::load() {
  const std::lock_guard lock(mutex_);
  std::vector<token::Revocation> all;
  auto& statement = statements_->load_revocations;
  while (TRY(statement.step()))
    all.push_back({std::string(statement.text(0)), Instant(Duration(statement.number(1)))});
  statement.reset();
  return all;
}

Result<std::vector<jose::PrivateJwk>> SqliteStore::load_keys() {
  const std::lock_guard lock(mutex_);
  std::vector<jose::PrivateJwk> keys;
  auto& statement = statements_->load_keys;
  while (TRY(statement.step())) {
    const auto json = TRY(codec::parse_json(statement.text(0)));
    keys.push_back(TRY(jose::PrivateJwk::parse(json)));
  }
  statement.reset();
  return keys;
}

Result<void> SqliteStore::save_key(const jose::PrivateJwk& key) {
  const std::lock_guard lock(mutex_);
  const auto text = key.serialise();
  return statements_->save_key.bind(1, key.kid()).bind(2, text.expose()).run();
}

}  // namespace writ::store
