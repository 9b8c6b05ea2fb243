#include "store/sqlite.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace writ::store {
namespace {

constexpr int kBusyMilliseconds = 5'000;

ErrorCode code_of(int result) noexcept {
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::kConflict;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kUnavailable;
    case SQLITE_TOOBIG:
      return ErrorCode::kLimit;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
      return ErrorCode::kInternal;
    default:
      return ErrorCode::kIo;
  }
}

std::unexpected<Error> failed(sqlite3* database, std::string_view what) {
  const int result = sqlite3_extended_errcode(database);
  return failure(code_of(result), fmt::format("{}: {}", what, sqlite3_errmsg(database)));
}

// SQLite gives its helper files the rights of the database's file, so it must be private before SQLite sees
// it.
Result<void> make_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0)
    return failure(ErrorCode::kIo,
                   fmt::format("cannot open the database `{}`: {}", path, std::strerror(errno)));
  ::close(file);
  return {};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}
void Database::Close::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}
Statement& Statement::bind(int index, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), index, number);
  return *this;
}

Result<bool> Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  auto error = failed(database_, "the database");
  reset();
  return error;
}

Result<void> Statement::run() {
  while (TRY(step())) {
  }
  reset();
  return {};
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}
std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

Result<Database> Database::open(const std::filesystem::path& path) {
  TRY(make_private(path.string()));
  sqlite3* opened = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(path.string(), opened);
  if (result != SQLITE_OK) return failed(opened, fmt::format("database `{}`", path.string()));
  if (auto done = database.set_up(); !done)
    return std::unexpected(std::move(done).error().in(fmt::format("database `{}`", path.string())));
  return database;
}

// Nothing here writes: a file of somebody else's stays as it was.
Result<void> Database::set_up() {
  auto* raw = database_.get();
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  sqlite3_extended_result_codes(raw, 1);
  // What a file says of itself is data, never code.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  TRY(execute("PRAGMA synchronous=FULL"));
  return execute("PRAGMA foreign_keys=ON");
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failed(database_.get(), "the database");
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return failed(database_.get(), "the database");
  return Statement(database_.get(), statement);
}

Result<std::int64_t> Database::pragma(std::string_view name) {
  auto statement = TRY(prepare(fmt::format("PRAGMA {}", name)));
  return TRY(statement.step())
  ? statement.number(0) : 0;
}

Result<Transaction> Transaction::begin(Database& database) {
  // Takes the lock for writing now and not in the middle.
  TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // What cannot be rolled back has been already.
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace writ::store
