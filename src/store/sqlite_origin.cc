#include "store/sqlite_origin.h"

#include <algorithm>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "codec/utf8.h"

namespace writ::store {
namespace {

using codec::Json;
using std::chrono::steady_clock;

constexpr int kMaxValueBytes = 64 * 1024;
constexpr int kMaxStatementBytes = 16 * 1024;
constexpr int kStepsBetweenLooks = 1000;  // of SQLite's machine

// Reading, and functions; whatever else a statement could do is refused when it is prepared.
int allow_reading(void*, int action, const char*, const char* second, const char*, const char*) {
  if (action == SQLITE_FUNCTION && second != nullptr && std::string_view(second) == "load_extension")
    return SQLITE_DENY;
  const bool reads = action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
                     action == SQLITE_RECURSIVE;
  return reads ? SQLITE_OK : SQLITE_DENY;
}

// The file, the disk or the moment is at fault, and not the statement.
bool is_of_file(int result) {
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
      return true;
    default:
      return false;
  }
}

struct Identity {
  dev_t device;
  ino_t file;
  friend bool operator==(const Identity&, const Identity&) = default;
};

std::optional<Identity> identity_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Identity{info.st_dev, info.st_ino};
}

Result<Json> value_in(sqlite3_stmt* statement, int column, std::string_view name) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return Json(static_cast<std::int64_t>(sqlite3_column_int64(statement, column)));
    case SQLITE_FLOAT:
      return Json(sqlite3_column_double(statement, column));
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      if (text == nullptr) return failure(ErrorCode::kUnavailable, "there is no memory to read it");
      const std::string_view whole(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
      if (!codec::valid_utf8(whole)) return invalid(fmt::format("the column `{}` is not UTF-8", name));
      return Json(whole);
    }
    case SQLITE_NULL:
      return Json();
    default:
      return invalid(fmt::format("the column `{}` holds bytes, which are of no type of a fact", name));
  }
}

}  // namespace

class SqliteOrigin::Connection {
 public:
  static Result<ConnectionPtr> open(const SqliteOriginSettings& settings, const std::atomic<bool>& stopping) {
    auto made = ConnectionPtr(new Connection(settings, stopping));
    TRY(made->open());
    return made;
  }
  ~Connection() {
    sqlite3_finalize(statement_);
    sqlite3_close(database_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_current() const { return identity_of(settings_.file) == identity_; }

  Result<std::optional<Json>> ask(const sources::SourceQuery& asked) {
    deadline_ = steady_clock::now() + settings_.timeout;
    const Resetting resetting{statement_};
    TRY(bind(":id", asked.id));
    if (sqlite3_bind_parameter_index(statement_, ":tenant") > 0) {
      if (!asked.tenant) return invalid("the statement wants a tenant, and the request is of none");
      TRY(bind(":tenant", *asked.tenant));
    }
    const int first = sqlite3_step(statement_);
    if (first == SQLITE_DONE) return std::nullopt;
    if (first != SQLITE_ROW) return failed(first);
    auto row = TRY(read_row(asked));
    const int second = sqlite3_step(statement_);
    if (second == SQLITE_ROW) return invalid("the statement gives more than one row");
    if (second != SQLITE_DONE) return failed(second);
    return row;
  }

 private:
  struct Resetting {
    sqlite3_stmt* statement;
    ~Resetting() {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  };

  Connection(const SqliteOriginSettings& settings, const std::atomic<bool>& stopping)
      : settings_(settings), stopping_(stopping) {}

  Result<void> open() {
    identity_ = identity_of(settings_.file);
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    const int opened = sqlite3_open_v2(settings_.file.c_str(), &database_, flags, nullptr);
    if (opened != SQLITE_OK) return failed(opened);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // Functions that the database's own views and triggers name are not run beyond SQLite's harmless ones.
    sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    sqlite3_db_config(database_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
    sqlite3_limit(database_, SQLITE_LIMIT_SQL_LENGTH, kMaxStatementBytes);
    sqlite3_limit(database_, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_timeout(database_, static_cast<int>(settings_.timeout.count()));
    sqlite3_progress_handler(database_, kStepsBetweenLooks, &Connection::look, this);
    sqlite3_set_authorizer(database_, &allow_reading, nullptr);
    return prepare();
  }

  Result<void> prepare() {
    deadline_ = steady_clock::now() + settings_.timeout;
    const char* rest = nullptr;
    const int done = sqlite3_prepare_v3(database_, settings_.statement.c_str(), -1, SQLITE_PREPARE_PERSISTENT,
                                        &statement_, &rest);
    if (done != SQLITE_OK && !is_of_file(done))
      return invalid(sqlite3_errmsg(database_) == std::string_view("not authorized")
                         ? std::string("the statement does more than read")
                         : fmt::format("the statement: {}", sqlite3_errmsg(database_)));
    if (done != SQLITE_OK) return failed(done);
    if (statement_ == nullptr) return invalid("there is no statement");
    const std::string_view behind(rest);
    if (behind.find_first_not_of(" \t\r\n;") != behind.npos)
      return invalid("there is more than one statement");
    if (sqlite3_stmt_readonly(statement_) == 0) return invalid("the statement does more than read");
    if (sqlite3_bind_parameter_index(statement_, ":id") == 0)
      return invalid("the statement does not have the parameter `:id`");
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement_); ++i) {
      const char* name = sqlite3_bind_parameter_name(statement_, i);
      const std::string_view given(name != nullptr ? name : "?");
      if (given != ":id" && given != ":tenant")
        return invalid(fmt::format("the statement's parameters are `:id` and `:tenant`, not `{}`", given));
    }
    return find_columns();
  }

  Result<void> find_columns() {
    id_column_ = TRY(column(settings_.id));
    for (const auto& [attribute, name] : settings_.attributes) columns_.push_back(TRY(column(name)));
    return {};
  }

  Result<int> column(std::string_view name) const {
    std::optional<int> found;
    for (int i = 0; i < sqlite3_column_count(statement_); ++i) {
      if (name != sqlite3_column_name(statement_, i)) continue;
      if (found) return invalid(fmt::format("the statement gives two columns `{}`", name));
      found = i;
    }
    if (!found) return invalid(fmt::format("the statement gives no column `{}`", name));
    return *found;
  }

  Result<void> bind(const char* name, std::string_view text) {
    const int done = sqlite3_bind_text64(statement_, sqlite3_bind_parameter_index(statement_, name),
                                         text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    return done == SQLITE_OK ? Result<void>{} : Result<void>(failed(done));
  }

  Result<Json> read_row(const sources::SourceQuery& asked) {
    const auto id = TRY(value_in(statement_, id_column_, settings_.id));
    const auto* text = id.if_string();
    const auto* number = id.if_int();
    // Collations and affinities find rows whose id only resembles the one that was asked for.
    const bool same =
        (text != nullptr && *text == asked.id) || (number != nullptr && std::to_string(*number) == asked.id);
    if (!same) return invalid(fmt::format("the column `{}` is not the id that was asked for", settings_.id));
    auto said = Json::object();
    for (std::size_t i = 0; i < columns_.size(); ++i)
      said.set(settings_.attributes[i].first,
               TRY(value_in(statement_, columns_[i], settings_.attributes[i].second)));
    return said;
  }

  std::unexpected<Error> failed(int result) const {
    if (result == SQLITE_INTERRUPT)
      return failure(ErrorCode::kUnavailable,
                     fmt::format("the database `{}`: no answer within {} ms", settings_.file.string(),
                                 settings_.timeout.count()));
    const char* why = database_ != nullptr ? sqlite3_errmsg(database_) : sqlite3_errstr(result);
    const bool too_big = (result & 0xff) == SQLITE_TOOBIG;
    return failure(too_big ? ErrorCode::kLimit : ErrorCode::kUnavailable,
                   fmt::format("the database `{}`: {}", settings_.file.string(), why));
  }

  static int look(void* self) {
    const auto& of = *static_cast<const Connection*>(self);
    return of.stopping_ || steady_clock::now() >= of.deadline_ ? 1 : 0;
  }

  const SqliteOriginSettings& settings_;
  const std::atomic<bool>& stopping_;
  std::optional<Identity> identity_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  int id_column_ = 0;
  std::vector<int> columns_;  // of the attributes
  steady_clock::time_point deadline_;
};

SqliteOrigin::SqliteOrigin(SqliteOriginSettings settings) : settings_(std::move(settings)) {}

SqliteOrigin::~SqliteOrigin() = default;

Result<SqliteOrigin::ConnectionPtr> SqliteOrigin::take() {
  ConnectionPtr connection;
  {
    const std::lock_guard lock(turn_);
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection != nullptr && connection->is_current()) return connection;
  if (stopping_) return failure(ErrorCode::kUnavailable, "Writ is stopping");
  return Connection::open(settings_, stopping_);
}

void SqliteOrigin::give_back(ConnectionPtr connection) {
  const std::lock_guard lock(turn_);
  idle_.push_back(std::move(connection));
}

Result<void> SqliteOrigin::check() {
  if (!std::filesystem::exists(settings_.file))
    return failure(ErrorCode::kUnavailable,
                   fmt::format("there is no database `{}`", settings_.file.string()));
  give_back(TRY(take()));
  return {};
}

Result<std::optional<Json>> SqliteOrigin::ask(const sources::SourceQuery& asked) {
  auto connection = TRY(take());
  auto said = connection->ask(asked);
  // One that failed is not used again.
  if (said) give_back(std::move(connection));
  return said;
}

}  // namespace writ::store
