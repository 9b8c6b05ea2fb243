#include "token/replay.h"

#include "crypto/hash.h"

namespace writ::token {

Result<bool> MemoryReplayGuard::first_use(std::string_view scope, std::string_view identifier, Instant until,
                                          Instant now) {
  // Hashed, so that an entry has one size whatever the sender chose; the length keeps scope and identifier
  // apart.
  const auto digest =
      crypto::sha256(std::to_string(scope.size()).append(":").append(scope).append(identifier));
  std::string key(crypto::as_bytes(digest));
  auto& shard = shards_[digest[0] % kShards];

  const std::lock_guard lock(shard.mutex);
  auto& entries = shard.until_by_key;
  if (const auto found = entries.find(key); found != entries.end() && found->second > now) return false;
  if (entries.size() >= max_entries_per_shard_) {
    std::erase_if(entries, [now](const auto& entry) { return entry.second <= now; });
    if (entries.size() >= max_entries_per_shard_) {
      return failure(ErrorCode::kLimit, "replay guard: too many identifiers to remember");
    }
  }
  entries.insert_or_assign(std::move(key), until);
  return true;
}

}  // namespace writ::token
