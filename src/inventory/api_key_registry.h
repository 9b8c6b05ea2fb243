// ApiKeyRegistry: the API keys that there are, for whoever is shown one (docs/api-keys.md).
//
// In memory and written through to a store. A revoked key is refused before that is on disk; what was
// acknowledged survives a crash, and nothing brings a key back: its end is only ever brought forward. Keys
// that have been over for 30 days are forgotten, and an unknown key is refused as one that is over.
// Thread-safe; readers take no lock, and changes are one after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/published.h"
#include "base/result.h"
#include "inventory/api_key.h"

namespace writ::inventory {

// Implemented by store. Thread-safe.
class ApiKeyStore {
 public:
  virtual ~ApiKeyStore() = default;
  virtual Result<std::vector<ApiKey>> load_api_keys() = 0;
  // Added, or replaced by id; all of them or none; durable when it returns. The last use that is stored never
  // goes back.
  virtual Result<void> save_api_keys(std::span<const ApiKey> keys) = 0;
  virtual Result<void> forget_api_keys(std::span<const std::string> ids) = 0;
};

class ApiKeyRegistry {
 public:
  struct Limits {
    std::size_t all = 10'000;     // in force or over
    std::size_t at_one_time = 4;  // in force, of one identity for one API: one, and what replaces it
  };

  // Of one key, shared by all editions of it.
  struct Use {
    std::atomic<bool> shown{false};        // its text was shown since the start, and it was right
    std::atomic<std::int64_t> last_ms{0};  // when it was last; 0: nobody knows
    std::atomic<std::int64_t> kept_ms{0};  // of that, what is stored
  };
  class Entry {
   public:
    Entry(ApiKey key, std::shared_ptr<Use> use) : key_(std::move(key)), use_(std::move(use)) {}
    const ApiKey* operator->() const noexcept { return &key_; }
    const ApiKey& operator*() const noexcept { return key_; }
    // With its last use.
    ApiKey key() const;
    bool was_shown() const noexcept { return use_->shown.load(std::memory_order_relaxed); }
    // Its text was shown; to the minute, so that threads do not get into each other's way.
    void note_shown(Instant now) const noexcept;

   private:
    friend class ApiKeyRegistry;
    ApiKey key_;
    std::shared_ptr<Use> use_;
  };
  using EntryRef = std::shared_ptr<const Entry>;

  // The store must outlive it.
  explicit ApiKeyRegistry(ApiKeyStore& store, Limits limits) : store_(store), limits_(limits) {}
  explicit ApiKeyRegistry(ApiKeyStore& store) : ApiKeyRegistry(store, Limits()) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();

  EntryRef find(std::string_view id) const;  // null: there is none
  std::vector<EntryRef> all() const;         // in the order of their making
  std::size_t size() const { return keys_.get()->size(); }

  // What add() would refuse: kLimit, where there is no room.
  Result<void> check_room(const ApiKey& key, Instant now) const;
  Result<void> add(ApiKey key, Instant now);
  // `next` is added, and the other one ends by then, at the same time. kNotFound; kConflict when that is not
  // in force.
  Result<void> replace(std::string_view id, Instant until, ApiKey next, Instant now);
  // At once. kNotFound; of one that is revoked already, nothing changes.
  Result<void> revoke(std::string_view id, Instant now);

  // Stores when keys were used since the last call. A crash loses the last stretch. How many there were.
  Result<std::size_t> keep_use();
  // Forgets keys that are over for long enough. For a timer. How many.
  Result<std::size_t> forget(Instant earliest);

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Map = std::unordered_map<std::string, EntryRef, Hash, std::equal_to<>>;

  // With changes_ held.
  void publish(const std::function<void(Map&)>& change);
  Result<EntryRef> existing(std::string_view id) const;

  ApiKeyStore& store_;
  const Limits limits_;
  std::mutex changes_;
  Published<Map> keys_{std::make_shared<const Map>()};
};

}  // namespace writ::inventory
