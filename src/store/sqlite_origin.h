// SqliteOrigin: a SQLite database that is asked for a resource's facts, by one statement of SELECT with the
// parameters `:id` and `:tenant`.
//
// The file is opened for reading alone, and the statement may read and do nothing else: no other statement,
// no ATTACH, no PRAGMA, no extension. What is asked about is bound, never written into the statement. It
// gives one row, with the id that was asked for, or none; two are an error. It ends when its time is up. Each
// thread that asks has a connection of its own; a file that was put in the place of another is opened anew.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sources/origin.h"

namespace writ::store {

struct SqliteOriginSettings {
  std::filesystem::path file;
  std::string statement;
  std::string id;                                               // the column of the id
  std::vector<std::pair<std::string, std::string>> attributes;  // and the column of each
  std::chrono::milliseconds timeout{2'000};
};

class SqliteOrigin final : public sources::Origin {
 public:
  explicit SqliteOrigin(SqliteOriginSettings settings);
  ~SqliteOrigin() override;

  // Whether the file can be opened and the statement be asked, for `writ check`. kUnavailable: there is no
  // such file now.
  Result<void> check();

  Result<std::optional<codec::Json>> ask(const sources::SourceQuery& asked) override;
  void stop() override { stopping_ = true; }

 private:
  class Connection;
  using ConnectionPtr = std::unique_ptr<Connection>;
  Result<ConnectionPtr> take();
  void give_back(ConnectionPtr connection);

  const SqliteOriginSettings settings_;
  std::atomic<bool> stopping_{false};
  std::mutex turn_;
  std::vector<ConnectionPtr> idle_;
};

}  // namespace writ::store
