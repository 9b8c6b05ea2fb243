// SqliteStore: everything Writ keeps, in one SQLite file: the embedded default (DESIGN: state).
//
// It implements what inventory, task and token declare, and keeps the issuer's signing keys. What a function
// has returned from is on disk. Records are the modules' own text; the store knows their names only.
// Thread-safe: one connection behind a lock, off the path of a decision.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "inventory/directory.h"
#include "jose/jwk.h"
#include "store/sqlite.h"
#include "task/registry.h"
#include "token/revocation.h"

namespace writ::store {

class SqliteStore final : public inventory::Store, public task::Store, public token::RevocationStore {
 public:
  // Makes a database where there is none. One of another program, of another version of the schema, or no
  // database at all is refused with what to do, and is left as it was: kConflict, kCorrupt.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& path);
  ~SqliteStore() override;

  Result<inventory::Change> load_inventory() override;
  Result<void> save_inventory(const inventory::Change& change) override;

  Result<std::vector<task::StoredTask>> load_tasks() override;
  Result<void> save_task(const task::Task& task) override;
  Result<void> save_state(std::string_view id, task::State state) override;
  Result<void> reserve(const task::Reservation& reservation) override;

  Result<void> save(const token::Revocation& revocation) override;
  Result<std::vector<token::Revocation>> load() override;

  // The newest first; that one signs.
  Result<std::vector<jose::PrivateJwk>> load_keys();
  Result<void> save_key(const jose::PrivateJwk& key);

 private:
  struct Statements;
  SqliteStore(Database database, std::unique_ptr<Statements> statements);

  std::mutex mutex_;
  Database database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace writ::store
