// Remembers identifiers that may be used once: the jti of client assertions (RFC 7523 §3) and of DPoP proofs
// (RFC 9449 §11.1).
//
// Thread-safe. When it cannot remember (full, or its store failed) the answer is an error and the caller
// refuses.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace writ::token {

// Implemented in memory here, and by store where a replay must be noticed across a restart.
class ReplayGuard {
 public:
  virtual ~ReplayGuard() = default;
  // True when the identifier was not seen before; it is then remembered until that instant. The scope is
  // whose identifier it is: it keeps those of different senders apart.
  virtual Result<bool> first_use(std::string_view scope, std::string_view identifier, Instant until,
                                 Instant now) = 0;
};

// A used identifier as it is written down: a digest of it and its scope.
struct UsedIdentifier {
  std::array<std::uint8_t, 16> digest;
  Instant until;
};

struct ReplayLimits {
  std::size_t per_scope = 1 << 16;  // identifiers of one sender at a time: a thousand proofs a second
  // Of all senders together. When so many are there, who has more than an equal share is refused, and others
  // go on: so they may be twice as many.
  std::size_t total = 1 << 20;
};

// Each sender has a memory of its own: who fills it is refused alone.
class MemoryReplayGuard final : public ReplayGuard {
 public:
  // Called with each first use, with a lock held: only to note it for being written down.
  using Note = std::function<void(const UsedIdentifier&)>;

  explicit MemoryReplayGuard(ReplayLimits limits = {}, Note note = nullptr)
      : limits_(limits), note_(std::move(note)) {}

  Result<bool> first_use(std::string_view scope, std::string_view identifier, Instant until,
                         Instant now) override;

  // Before the first use: what an earlier process had noted counts as used,
  void take_over(const std::vector<UsedIdentifier>& used);
  // and so does whatever would be remembered until then at most, because nobody knows.
  void distrust(Instant until) { distrusted_ = until; }

  // Gives back memory; for a timer.
  void prune(Instant now);
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  // Refused because there was no room.
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  using Digest = std::array<std::uint8_t, 16>;
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept;
  };
  using UntilByDigest = std::unordered_map<Digest, Instant, DigestHash>;
  struct Memory {
    UntilByDigest until;
    std::deque<UsedIdentifier> in_order;  // as they came, which is about as they end
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Memory, Hash, std::equal_to<>> by_scope;
  };

  void forget(Memory& memory, Instant now, std::size_t at_most);
  bool has_room(const Memory& memory) const noexcept;

  const ReplayLimits limits_;
  const Note note_;
  UntilByDigest taken_over_;  // not changed after the first use
  Instant distrusted_;
  std::atomic<std::size_t> size_ = 0, scopes_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::array<Shard, kShards> shards_;
};

}  // namespace writ::token
