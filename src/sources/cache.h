// Cache: what a source said, until it is too old. Bounded: in two halves, of which the older is forgotten
// when the younger is full. Thread-safe; a look-up holds the lock of one of several shards for a moment, and
// never while anything is read or written.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "sources/origin.h"
#include "sources/told.h"

namespace writ::sources {

// Tenants are apart: what was said to one is not given to another, nor to whoever has none.
std::string key_of(const SourceQuery& asked);

class Cache {
 public:
  explicit Cache(std::size_t max_entries) : max_half_of_shard_(max_entries / (2 * kShards) + 1) {}

  // Null: there is none that is young enough, and was read by this schema and said to this credential.
  std::shared_ptr<const ToldFacts> find(const std::string& key, Duration now, const cedar::Schema* schema,
                                        std::uint64_t generation) const;
  void put(const std::string& key, std::string id, std::shared_ptr<const ToldFacts> told, Duration until);
  // Of one resource, in all tenants; without an id, all.
  void forget(const std::optional<std::string>& id);
  std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 8;
  struct Entry {
    std::string id;
    std::shared_ptr<const ToldFacts> told;
    Duration until;
  };
  using Half = std::unordered_map<std::string, Entry>;
  struct Shard {
    mutable std::mutex turn;
    Half young, old;
  };
  Shard& shard_of(const std::string& key) { return shards_[std::hash<std::string>()(key) % kShards]; }
  const Shard& shard_of(const std::string& key) const {
    return shards_[std::hash<std::string>()(key) % kShards];
  }

  const std::size_t max_half_of_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace writ::sources
