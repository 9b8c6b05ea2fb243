// SqliteStore: everything Writ keeps, in one SQLite file: the embedded default (DESIGN: state).
//
// It implements what inventory, task and token declare. What a function
// has returned from is on disk; what it failed at is rolled back. Records are the modules' own text; the
// store knows their names only. Thread-safe: one connection behind a lock, off the path of a decision.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "audit/heads.h"
#include "facts/registry.h"
#include "inventory/api_key_registry.h"
#include "inventory/directory.h"
#include "store/api_key_rows.h"
#include "store/entity_rows.h"
#include "store/issuer_prefixes.h"
#include "store/sqlite.h"
#include "task/call_approvals.h"
#include "task/registry.h"
#include "token/own_keys.h"
#include "token/replay.h"
#include "token/revocation.h"

namespace writ::store {

struct SqliteOptions {
  std::int64_t max_used_identifiers = 1 << 20;  // that first_use() remembers at one time
};

class SqliteStore final : public inventory::Store,
                          public inventory::ApiKeyStore,
                          public task::Store,
                          public task::CallStore,
                          public task::WriteStore,
                          public token::RevocationStore,
                          public token::ReplayGuard,
                          public token::KeyStore,
                          public facts::Store,
                          public audit::HeadStore {
 public:
  // Makes a database where there is none. One of another program or of another version of the schema
  // (kConflict), or no database at all (kCorrupt), is refused with what to do, and is left as it was.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& path,
                                                   SqliteOptions options = {});
  ~SqliteStore() override;

  Result<inventory::Change> load_inventory() override;
  Result<void> save_inventory(const inventory::Change& change) override;

  Result<std::vector<inventory::ApiKey>> load_api_keys() override;
  Result<void> save_api_keys(std::span<const inventory::ApiKey> keys) override;
  Result<void> forget_api_keys(std::span<const std::string> ids) override;

  // In the order of their saving.
  Result<std::vector<task::StoredTask>> load_tasks() override;
  Result<void> save_task(const task::Task& task, task::State state) override;
  // kNotFound; kConflict when it has another final state already: nothing brings a task back.
  Result<void> save_state(std::string_view id, task::State state) override;
  Result<void> save_narrowed(const task::Task& task) override;
  Result<void> save_approved(const task::Task& task, task::State state) override;
  Result<void> forget_tasks(std::span<const std::string> ids) override;
  // All of them or none. kNotFound when there is no such task.
  Result<void> save_labels(std::string_view task, const std::vector<std::string>& labels) override;
  // Never lowers what is reserved. kNotFound when there is no such task.
  Result<void> reserve(const task::Reservation& reservation) override;
  // Lowers what is reserved to what was used, for an orderly end, when no call can follow. kConflict when
  // less is reserved.
  Result<void> settle(const task::Reservation& used) override;

  // By their ids.
  Result<std::vector<task::StoredCall>> load_calls() override;
  Result<void> save_call(const task::CallApproval& approval) override;
  Result<void> save_call_state(const task::CallApproval& approval, task::CallState state) override;
  Result<void> forget_call(std::string_view id) override;
  Result<void> forget_calls(Instant before) override;

  // One transaction.
  std::vector<Result<void>> write(std::span<const task::Write* const> writes) override;

  Result<void> load_entities(const std::function<Result<void>(std::string_view record)>& each) override;
  Result<void> save_entities(std::span<const facts::StoredEntity> entities) override;
  Result<std::vector<facts::StoredEntity>> entities_after(std::string_view type, std::string_view id,
                                                          std::size_t limit) override;

  // The later expiry counts when it was revoked before.
  Result<void> save(const token::Revocation& revocation) override;
  Result<std::vector<token::Revocation>> load() override;
  Result<void> forget_revocations(Instant expired_by) override;

  // Also across a restart, at the price of one write to disk. kLimit when it remembers as many as it may.
  Result<bool> first_use(std::string_view scope, std::string_view identifier, Instant until,
                         Instant now) override;
  // Makes room: forgets identifiers that were to be remembered until then at most.
  Result<void> forget_used(Instant until);

  // kCorrupt when what is noted is no head; nothing in a database that was made just now.
  Result<std::optional<audit::Head>> load_head() override;
  Result<void> save_head(const audit::Head& head) override;
  // False from an attempt that failed, for more than another process that held the database, to one that did
  // not.
  bool can_note() const noexcept { return can_note_.load(std::memory_order_relaxed); }

  Result<std::vector<token::StoredKey>> load_keys() override;
  Result<void> save_keys(std::span<const token::StoredKey> keys) override;

  Result<void> keep_issuer_prefixes(const IssuerPrefixes& now);  // store/issuer_prefixes.h

 private:
  struct Statements;
  template <class Part>
  Result<void> in_parts(Part part);
  // With mutex_ held.
  Result<void> changed_task(std::string_view id, std::int64_t rows);
  Result<void> write_label(std::string_view task, std::string_view label);
  Result<void> write_reservation(const task::Reservation& reservation);
  Result<void> write_call(const task::CallApproval& approval);
  Result<void> write_call_state(const task::CallApproval& approval, task::CallState state);
  Result<void> write_one(const task::Write& write);
  Result<void> write_keys(std::span<const token::StoredKey> keys);
  SqliteStore(Database database, std::unique_ptr<Statements> statements, SqliteOptions options);

  const SqliteOptions options_;
  std::mutex mutex_;
  Database database_;
  std::unique_ptr<Statements> statements_;
  std::optional<EntityRows> entity_rows_;   // never empty after open()
  std::optional<ApiKeyRows> api_key_rows_;  // the same
  std::int64_t used_identifiers_ = 0;       // at most so many rows are there
  std::atomic<bool> can_note_ = true;
};

}  // namespace writ::store
