// Directory: the inventory as a service. It writes a change to its store first, then swaps the snapshot that
// decisions read, so what was acknowledged is durable and acts on the very next decision.
//
// Thread-safe; changes are one after the other, readers never wait for them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inventory/snapshot.h"

namespace writ::inventory {

struct Change {
  std::vector<Identity> identities;  // added, or replaced by id
  std::vector<Api> apis;
};

// Implemented by store. Thread-safe.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<Change> load_inventory() = 0;
  // All of it or nothing; durable when it returns.
  virtual Result<void> save_inventory(const Change& change) = 0;
};

class Directory {
 public:
  // The store must outlive it.
  explicit Directory(Store& store) : store_(store), snapshot_(Snapshot::empty()) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();
  // What the configuration declares wins over what is stored, except that a suspension or retirement made
  // over the API stays in force. What was declared once and is not any more is retired, until it is
  // declared again. At start-up.
  Result<void> declare(Change declared);

  std::shared_ptr<const Snapshot> snapshot() const;

  // kConflict when the id is taken (or the API's audience).
  Result<void> create(Identity identity);
  Result<void> create(Api api);
  // kNotFound; kConflict when the kind would change, or when it is declared in the configuration.
  Result<void> update(Identity identity);
  // kNotFound; kConflict when it is retired: that is for good.
  Result<void> set_status(std::string_view id, Status status);

 private:
  Result<void> commit(Change change);  // with mutex_ held
  void publish(std::shared_ptr<const Snapshot> next);

  Store& store_;
  std::mutex changes_;
  mutable std::mutex mutex_;  // for the pointer alone
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace writ::inventory
