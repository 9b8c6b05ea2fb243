// SQLite as Writ uses it: a connection, prepared statements and transactions whose failures are Errors.
//
// kIo: the disk is full or failed. kCorrupt: the file is no database, or a damaged one. kConflict: a
// constraint of the schema. kUnavailable: another process holds the file. Every message names the file.
// Not thread-safe: who shares a connection has a lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace writ::store {

class Database;

// One prepared statement, used again and again: bind, then run() or for_each_row().
class Statement {
 public:
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::int64_t number);

  // For what gives no rows. How many rows it changed.
  Result<std::int64_t> run();
  // Calls `row`, which returns Result<void>, with this statement for each row, until it fails.
  template <class Row>
  Result<void> for_each_row(Row&& row) {
    const ResetAtEnd reset(*this);
    while (TRY(step())) TRY(row(*this));
    return {};
  }

  // Of the row at hand. The view is valid until `row` above returns.
  std::string_view text(int column) const;
  std::int64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  // However a use ends: a statement left in the middle would keep its view of the file, and its bindings.
  struct ResetAtEnd {
    explicit ResetAtEnd(Statement& used) : statement(used) {}
    ResetAtEnd(const ResetAtEnd&) = delete;
    ~ResetAtEnd() { statement.reset(); }
    Statement& statement;
  };
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Result<bool> step();
  void reset() noexcept;
  void note(int result) noexcept;

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_failure_ = 0;
};

class Database {
 public:
  // What SQLite would find in an existing file if it opened it for good, with all that a crash left beside
  // it. Nothing is locked, recovered or written, whatever it is (store/glance.h).
  static Result<Database> look(const std::filesystem::path& path);
  // Creates the file, private to its owner, where there is none. Every commit is on disk when it returns.
  // Until adopt() an existing file is only written by what is executed on it.
  static Result<Database> open(const std::filesystem::path& path);
  // Makes the files private to their owner, turns on the write-ahead log, and puts on disk what an earlier
  // process left; for a file known to be ours. From here on nothing is committed when the file, or its
  // write-ahead log, is not at its path any more: no start would find it (kIo).
  Result<void> adopt();

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // A query of one number.
  Result<std::int64_t> number(std::string_view sql);
  // "database `/var/lib/writ/writ.db`", as errors begin.
  std::string name() const;
  // There was nothing in it when it was opened.
  bool made_now() const noexcept { return made_now_; }
  void note_made_now() noexcept { made_now_ = true; }

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  struct Files;
  struct Forget {
    void operator()(Files* files) const noexcept;
  };
  Database(std::string path, sqlite3* database) : path_(std::move(path)), database_(database) {}
  static Result<Database> connect(std::string path, const char* vfs);
  Result<void> set_up();
  Result<void> sync();

  std::string path_;
  bool made_now_ = false;
  std::unique_ptr<Files, Forget> files_;  // which a commit looks at
  std::unique_ptr<sqlite3, Close> database_;
};

// A transaction for writing. Rolls back unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace writ::store
