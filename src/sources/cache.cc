#include "sources/cache.h"

#include <utility>

namespace writ::sources {

std::string key_of(const SourceQuery& asked) {
  std::string key;
  key.reserve(asked.id.size() + (asked.tenant ? asked.tenant->size() : 0) + 24);
  // The length stands in front, so that no id can be written to look like a tenant.
  if (asked.tenant) key.append(std::to_string(asked.tenant->size())).append(1, ':').append(*asked.tenant);
  return key.append(1, '/').append(asked.id);
}

std::shared_ptr<const ToldFacts> Cache::find(const std::string& key, Duration now,
                                             const cedar::Schema* schema, std::uint64_t generation) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard turn(shard.turn);
  const Half* half = &shard.young;
  auto found = half->find(key);
  if (found == half->end()) {
    half = &shard.old;
    found = half->find(key);
    if (found == half->end()) return nullptr;
  }
  const Entry& entry = found->second;
  if (now >= entry.until || entry.told->schema.get() != schema || entry.told->generation != generation)
    return nullptr;
  return entry.told;
}

void Cache::put(const std::string& key, std::string id, std::shared_ptr<const ToldFacts> told,
                Duration until) {
  Half gone;  // ends without the lock
  Shard& shard = shard_of(key);
  const std::lock_guard turn(shard.turn);
  shard.old.erase(key);
  if (shard.young.size() >= max_half_of_shard_ && !shard.young.contains(key))
    gone = std::exchange(shard.old, std::exchange(shard.young, {}));
  shard.young.insert_or_assign(key, Entry{std::move(id), std::move(told), until});
}

void Cache::forget(const std::optional<std::string>& id) {
  for (Shard& shard : shards_) {
    const std::lock_guard turn(shard.turn);
    for (Half* half : {&shard.young, &shard.old})
      std::erase_if(*half, [&](const auto& each) { return !id || each.second.id == *id; });
  }
}

std::size_t Cache::size() const {
  std::size_t entries = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard turn(shard.turn);
    entries += shard.young.size() + shard.old.size();
  }
  return entries;
}

}  // namespace writ::sources
