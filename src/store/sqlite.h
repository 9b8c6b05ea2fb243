// SQLite as Writ uses it: a connection, prepared statements and transactions whose failures are Errors.
//
// The only user of sqlite3.h beside its .cc is the store built on it. Not thread-safe; the store has a lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace writ::store {

class Database;

// One prepared statement, used again and again. Views from text() are valid until the next step or reset.
class Statement {
 public:
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::int64_t number);

  // True: there is a row. False: done. An error resets the statement.
  Result<bool> step();
  // For what gives no rows: steps to the end and makes the statement ready for its next use.
  Result<void> run();
  void reset() noexcept;

  std::string_view text(int column) const;
  std::int64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  // Creates the file, private to its owner, where there is none. Every commit is on disk when it returns
  // (WAL, synchronous=FULL).
  static Result<Database> open(const std::filesystem::path& path);

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  Result<std::int64_t> pragma(std::string_view name);
  const std::string& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  Database(std::string path, sqlite3* database) : path_(std::move(path)), database_(database) {}
  Result<void> set_up();

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
};

// Rolls back unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace writ::store
