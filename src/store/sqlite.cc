#include "store/sqlite.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "base/blocking.h"
#include "store/glance.h"

namespace writ::store {
namespace {

constexpr int kBusyMilliseconds = 5'000;
constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;

ErrorCode code_of(int result) noexcept {
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::kConflict;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
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

std::string name_of(std::string_view path) {
  return fmt::format("database `{}`", path);
}

constexpr const char* kNoDatabase =
    ": this file is not a database; move it away, or name another data folder in the configuration";

std::unexpected<Error> not_in_place(std::string_view path) {
  return failure(
      ErrorCode::kIo,
      fmt::format(
          "{0}: it, or its write-ahead log `{1}-wal`, was removed, moved or replaced while it was open, "
          "so nothing is stored; put both back, or stop Writ, bring a copy back, and start: the audit "
          "log says what was done since that copy",
          name_of(path), path));
}

std::unexpected<Error> failed(sqlite3* database, std::string_view path) {
  const int result = sqlite3_extended_errcode(database);
  if (result == SQLITE_CONSTRAINT_COMMITHOOK) return not_in_place(path);
  auto message = fmt::format("{}: {}", name_of(path), sqlite3_errmsg(database));
  // "disk I/O error" alone helps nobody.
  if (const int system = sqlite3_system_errno(database); code_of(result) == ErrorCode::kIo && system != 0)
    message += fmt::format(" ({})", std::strerror(system));
  if ((result & 0xff) == SQLITE_NOTADB) message = name_of(path) + kNoDatabase;
  return failure(code_of(result), std::move(message));
}

std::unexpected<Error> failed(sqlite3* database) {
  return failed(database, sqlite3_db_filename(database, "main"));
}

std::unexpected<Error> system_failed(std::string_view what, const std::string& path) {
  return failure(ErrorCode::kIo, fmt::format("{}: {}: {}", name_of(path), what, std::strerror(errno)));
}

// SQLite would make it readable for others; its helper files take their rights from it.
Result<void> create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate);
  if (file >= 0) ::close(file);
  // What exists is not opened here: closing it would drop the locks another connection has on it.
  else if (errno != EEXIST)
    return system_failed("it cannot be made", path);
  return {};
}

Result<void> make_private(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return system_failed("its permissions cannot be read", path);
  }
  if ((status.st_mode & 07777) == kPrivate || ::chmod(path.c_str(), kPrivate) == 0) return {};
  return system_failed("it cannot be made private to its owner", path);
}

}  // namespace

// The files that are open, as they are called.
struct Database::Files {
  struct Named {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  std::vector<Named> all;

  void add(std::string path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) all.push_back({std::move(path), info.st_dev, info.st_ino});
  }
  bool in_place() const noexcept {
    return std::ranges::all_of(all, [](const Named& named) {
      struct stat info {};
      return ::lstat(named.path.c_str(), &info) == 0 && info.st_dev == named.device &&
             info.st_ino == named.inode;
    });
  }
};
void Database::Forget::operator()(Files* files) const noexcept {
  delete files;
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}
void Database::Close::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

// A parameter that could not be bound is NULL, so the statement must not run.
void Statement::note(int result) noexcept {
  if (bind_failure_ == SQLITE_OK) bind_failure_ = result;
}

Statement& Statement::bind(int index, std::string_view text) {
  note(sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}
Statement& Statement::bind(int index, std::int64_t number) {
  note(sqlite3_bind_int64(statement_.get(), index, number));
  return *this;
}

Result<bool> Statement::step() {
  if (bind_failure_ != SQLITE_OK) {
    return failure(code_of(bind_failure_),
                   fmt::format("{}: {}", name_of(sqlite3_db_filename(database_, "main")),
                               sqlite3_errstr(bind_failure_)));
  }
  may_block("sqlite");
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return failed(database_);
}

Result<std::int64_t> Statement::run() {
  const ResetAtEnd reset_at_end(*this);
  while (TRY(step())) {
  }
  return sqlite3_changes64(database_);
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bind_failure_ = SQLITE_OK;
}

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}
std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

Result<Database> Database::connect(std::string path, const char* vfs) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &opened, kFlags, vfs);
  if (opened == nullptr) return failure(ErrorCode::kUnavailable, name_of(path) + ": out of memory");
  Database database(std::move(path), opened);
  if (result != SQLITE_OK) return failed(opened, database.path_);
  // A glance has no memory to share.
  if (vfs != nullptr) TRY(database.execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=ON"));
  TRY(database.set_up());
  return database;
}

Result<Database> Database::look(const std::filesystem::path& path) {
  // SQLite takes a file of one byte for an empty one, and would write over it.
  std::error_code error;
  if (std::filesystem::file_size(path, error) == 1 && !error)
    return failure(ErrorCode::kCorrupt, name_of(path.string()) + kNoDatabase);
  return connect(path.string(), TRY(glance_vfs()));
}

Result<Database> Database::open(const std::filesystem::path& path) {
  TRY(create_private(path.string()));
  return connect(path.string(), nullptr);
}

// Nothing here writes: a file of somebody else's stays as it was.
Result<void> Database::set_up() {
  auto* raw = database_.get();
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  // What a file says of itself is data, never code.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  // Closing would otherwise move what another program's crash left in its log.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return execute("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON");
}

Result<void> Database::adopt() {
  for (const auto* suffix : {"", "-wal", "-shm"}) TRY(make_private(path_ + suffix));
  bool logged = false;
  auto journal = TRY(prepare("PRAGMA journal_mode=WAL"));
  TRY(journal.for_each_row([&](const Statement& row) -> Result<void> {
    logged = row.text(0) == "wal";
    return {};
  }));
  if (!logged)
    return failure(ErrorCode::kUnsupported,
                   name() +
                       ": its file system has no shared memory for a write-ahead log; name a data folder "
                       "on a local disk");
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  // A removed row is gone from the file too.
  TRY(execute("PRAGMA secure_delete=ON"));
  // The first look opens the log.
  TRY(number("SELECT count(*) FROM sqlite_schema"));
  files_.reset(new Files);
  for (const auto* suffix : {"", "-wal"}) files_->add(path_ + suffix);
  const auto refuse = [](void* files) { return static_cast<const Files*>(files)->in_place() ? 0 : 1; };
  sqlite3_commit_hook(database_.get(), refuse, files_.get());
  return sync();
}

// A commit whose sync a kill cut short may be in the system's memory only: everybody sees it, and the end of
// the machine would take it back.
Result<void> Database::sync() {
  may_block("sqlite");
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    const int found = sqlite3_file_control(database_.get(), "main", which, &file);
    if (found != SQLITE_OK || file == nullptr || file->pMethods == nullptr) continue;
    const int synced = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (synced != SQLITE_OK)
      return failure(code_of(synced),
                     fmt::format("{}: it cannot be put on disk: {}", name(), sqlite3_errstr(synced)));
  }
  return {};
}

Result<void> Database::execute(const std::string& sql) {
  may_block("sqlite");
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failed(database_.get(), path_);
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return failed(database_.get(), path_);
  return Statement(database_.get(), statement);
}

Result<std::int64_t> Database::number(std::string_view sql) {
  std::int64_t number = 0;
  auto statement = TRY(prepare(sql));
  TRY(statement.for_each_row([&](const Statement& row) -> Result<void> {
    number = row.number(0);
    return {};
  }));
  return number;
}

std::string Database::name() const {
  return name_of(path_);
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
