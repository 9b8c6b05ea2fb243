// EntityRegistry: the entities that are pushed while Writ runs: held against the schema, kept in a store, and
// in force with the next decision (docs/facts.md).
//
// A fact has one source. What the entities file says of an entity, or a route finds in a request, is not
// pushed too, and a configuration under which that would be so is not taken over. Thread-safe; a change waits
// for the store.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cedar/schema.h"
#include "codec/json.h"
#include "facts/entity_text.h"
#include "facts/pushed.h"

namespace writ::facts {

struct StoredEntity {
  EntityKey name;
  std::string record;  // as JSON; empty: it is taken away
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Result<void> load_entities(const std::function<Result<void>(std::string_view record)>& each) = 0;
  // All of them or none, on disk when it returns.
  virtual Result<void> save_entities(std::span<const StoredEntity> entities) = 0;
  // At most so many of a type, by their ids, after one (which need not be there).
  virtual Result<std::vector<StoredEntity>> entities_after(std::string_view type, std::string_view id,
                                                           std::size_t limit) = 0;
};

// What pushed entities are held against.
struct Rules {
  cedar::SchemaPtr schema;                          // null: nothing can be pushed
  std::shared_ptr<const cedar::Entities> entities;  // of the file; null: none
  // Type and attribute of what routes find in requests, or sources are asked for; and which one.
  std::map<std::pair<std::string, std::string>, std::string> told;
};

struct EntityRegistryOptions {
  std::size_t max_entities = 1'000'000;
};

// Nothing in `entity`: it is taken away.
struct EntityChange {
  EntityKey name;
  std::optional<codec::Json> entity;
};

class EntityRegistry {
 public:
  using Snapshot = std::shared_ptr<const PushedEntities>;
  // `publish` puts a set in force before it returns; called by one thread at a time.
  EntityRegistry(Store& store, EntityRegistryOptions options, std::function<void(Snapshot)> publish)
      : store_(store), options_(options), publish_(std::move(publish)) {}

  // Once, before any other. Fails where one that is kept does not fit: which, and why.
  Result<void> load(Rules rules);
  // Under other rules from now on, if all that is kept fits them: `take_over` is called then, and no entity
  // changes meanwhile.
  Result<void> under(Rules rules, const std::function<Result<void>()>& take_over);

  // Whether they could be done now, all together. The error names the entity and what of it is wrong.
  Result<void> check(std::span<const EntityChange> changes) const;
  // All or none. On disk and in force when it returns. Says how many were changed.
  Result<std::size_t> apply(std::span<const EntityChange> changes);

  Snapshot snapshot() const;
  std::optional<codec::Json> find(const EntityKey& name) const;
  Result<std::vector<StoredEntity>> after(std::string_view type, std::string_view id,
                                          std::size_t limit) const {
    return store_.entities_after(type, id, limit);
  }

 private:
  // With turn_ held.
  Result<void> check_fit(const cedar::EntityDraft& entity, const Rules& rules,
                         const cedar::EntitySource& others) const;
  Result<void> check_all(const PushedEntities& entities, const Rules& rules) const;
  Result<Snapshot> changed(std::span<const EntityChange> changes, std::vector<StoredEntity>* stored) const;
  void put_in_force(Snapshot next);

  Store& store_;
  const EntityRegistryOptions options_;
  const std::function<void(Snapshot)> publish_;
  mutable std::mutex turn_;  // one changes at a time
  mutable NameTable names_;
  Rules rules_;
  Snapshot now_ = PushedEntities::none();
  // Packed bytes, with which huge pages are asked for. With fewer the processor knows where each page is.
  std::size_t next_huge_ = 4 << 20;
};

}  // namespace writ::facts
