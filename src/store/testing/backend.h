// The stores as the contract suite sees them: some implementation, which can be closed and opened again. An
// implementation joins the suite with one Backend and one line at the end of store_contract_test.cc.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

#include "facts/memory_store.h"
#include "inventory/testing/memory_store.h"
#include "store/sqlite_store.h"
#include "store/testing/samples.h"
#include "task/testing/memory_call_store.h"
#include "task/testing/memory_store.h"
#include "token/replay.h"
#include "token/revocation.h"

namespace writ::store::testing {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual inventory::Store& inventory() = 0;
  virtual task::Store& tasks() = 0;
  virtual task::CallStore& calls() = 0;
  virtual token::RevocationStore& revocations() = 0;
  virtual token::ReplayGuard& replays() = 0;
  virtual facts::Store& entities() = 0;
  // As another process would find it, after this one was killed.
  virtual void reopen() = 0;
  // Whether it looks after itself, or relies on the Registry to ask only what makes sense.
  virtual bool guards_tasks() const = 0;
};

class MemoryRevocations final : public token::RevocationStore {
 public:
  Result<void> save(const token::Revocation& revocation) override {
    const std::lock_guard lock(mutex_);
    auto& expiry = expiry_by_jti_[revocation.jti];
    expiry = std::max(expiry, revocation.expires_at);
    return {};
  }
  Result<std::vector<token::Revocation>> load() override {
    const std::lock_guard lock(mutex_);
    std::vector<token::Revocation> all;
    for (const auto& [jti, expiry] : expiry_by_jti_) all.push_back({jti, expiry});
    return all;
  }
  Result<void> forget_revocations(Instant expired_by) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(expiry_by_jti_, [&](const auto& entry) { return entry.second <= expired_by; });
    return {};
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Instant> expiry_by_jti_;
};

class MemoryBackend final : public Backend {
 public:
  inventory::Store& inventory() override { return inventory_; }
  task::Store& tasks() override { return tasks_; }
  task::CallStore& calls() override { return calls_; }
  token::RevocationStore& revocations() override { return revocations_; }
  token::ReplayGuard& replays() override { return replays_; }
  facts::Store& entities() override { return entities_; }
  void reopen() override {}
  bool guards_tasks() const override { return false; }

 private:
  inventory::testing::MemoryStore inventory_;
  task::testing::MemoryStore tasks_;
  task::testing::MemoryCallStore calls_;
  MemoryRevocations revocations_;
  token::MemoryReplayGuard replays_;
  facts::MemoryStore entities_;
};

class SqliteBackend final : public Backend {
 public:
  inventory::Store& inventory() override { return *store_; }
  task::Store& tasks() override { return *store_; }
  task::CallStore& calls() override { return *store_; }
  token::RevocationStore& revocations() override { return *store_; }
  token::ReplayGuard& replays() override { return *store_; }
  facts::Store& entities() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = SqliteStore::open(folder_ / "writ.db").value();
  }
  bool guards_tasks() const override { return true; }

 private:
  Folder folder_;
  std::unique_ptr<SqliteStore> store_ = SqliteStore::open(folder_ / "writ.db").value();
};

}  // namespace writ::store::testing
