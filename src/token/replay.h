// Remembers identifiers that may be used once: the jti of client assertions (RFC 7523 §3) and of DPoP proofs
// (RFC 9449 §11.1).
//
// Thread-safe. When it cannot remember (full, or its store failed) the answer is an error and the caller
// refuses.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"

namespace writ::token {

// Implemented in memory here, and by store where a replay must be noticed across a restart.
class ReplayGuard {
 public:
  virtual ~ReplayGuard() = default;
  // True when the identifier was not seen before; it is then remembered until that instant. The scope keeps
  // the identifiers of different senders apart.
  virtual Result<bool> first_use(std::string_view scope, std::string_view identifier, Instant until,
                                 Instant now) = 0;
};

class MemoryReplayGuard final : public ReplayGuard {
 public:
  explicit MemoryReplayGuard(std::size_t max_entries = 1 << 20)
      : max_entries_per_shard_(max_entries / kShards + 1) {}

  Result<bool> first_use(std::string_view scope, std::string_view identifier, Instant until,
                         Instant now) override;

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Instant> until_by_key;
  };

  std::size_t max_entries_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace writ::token
