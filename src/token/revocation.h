// Which tokens were revoked before they expired, by jti.
//
// Revocations is what every verification asks: in memory, thread-safe, and written through to a
// RevocationStore, so that what was acknowledged survives a crash. An entry is kept until its token, and
// whatever was exchanged from it, is over however wrong the clock was (base/forgetting.h).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/forgetting.h"
#include "base/result.h"

namespace writ::token {

// No access token lives longer.
inline constexpr Duration kMaxAccessLifetime = std::chrono::hours(1);

struct Revocation {
  std::string jti;
  Instant expires_at;  // of the token
};

// What a client takes back: the token, or where it took back as many as are kept of one client, all of its
// tokens that were issued until now. So what is kept is bounded, and no revocation is refused for it.
enum class Reach : bool { kToken, kAllOfClient };
inline constexpr std::size_t kMaxRevokedOfClient = 10'000;  // in two hours

// Implemented by store. Thread-safe.
class RevocationStore {
 public:
  virtual ~RevocationStore() = default;
  // Returns after the entry is durable.
  virtual Result<void> save(const Revocation& revocation) = 0;
  virtual Result<std::vector<Revocation>> load() = 0;
  // Those that expired by then.
  virtual Result<void> forget_revocations(Instant expired_by) = 0;
};

class Revocations {
 public:
  // Without a store, revocations live as long as the process. The store must outlive this.
  explicit Revocations(RevocationStore* store = nullptr, std::size_t max_of_client = kMaxRevokedOfClient)
      : store_(store), max_of_client_(max_of_client) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();
  // Durable, and in force for the next verification, when it returns.
  Result<void> revoke(Revocation revocation);
  // The same by a client, of a token of its own; and what that reaches.
  Reach reach_of(std::string_view client, Instant now) const;
  Result<void> revoke_of(std::string_view client, Revocation revocation, Reach reach, Instant now);
  bool revoked(std::string_view jti) const;
  // Of the ids of what a token came of, which was issued then. The end of a subject's sessions (came_from.h)
  // is about what was issued until it.
  bool any_revoked(std::span<const std::string> ids, Instant issued_at) const;
  // Whether all tokens of the client's were taken back that were issued until then.
  bool all_revoked_of(std::string_view client, Instant issued_at) const;
  // Whether that was ever done of any client: where it was not, which is nearly always, nobody need ask.
  bool of_clients() const noexcept { return of_clients_.load(std::memory_order_acquire) != 0; }
  // Forgets what may be forgotten; for a timer on a thread that may wait. One call at a time.
  Result<void> prune(Instant earliest, Duration running);
  std::size_t size() const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  // Where no entry has its mark, which is nearly always, nothing is locked.
  std::atomic<std::uint32_t>& mark_of(std::string_view jti) const noexcept {
    return marks_[Hash()(jti) % marks_.size()];
  }

  void put(const std::string& jti, Instant expires_at);
  bool revoked_until(std::string_view id, Instant issued_at) const;

  // How many tokens a client has taken back since then.
  struct Count {
    Instant since;
    std::size_t tokens = 0;
  };

  RevocationStore* store_;
  const std::size_t max_of_client_;
  Forgetting forgetting_{kMaxAccessLifetime};
  mutable std::array<std::atomic<std::uint32_t>, 4096> marks_{};  // how many entries have it
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Instant, Hash, std::equal_to<>> expiry_by_jti_;
  std::unordered_map<std::string, Count, Hash, std::equal_to<>> by_client_;  // of identities that are listed
  std::atomic<std::uint32_t> of_clients_{0};  // entries that are about all tokens of a client
};

}  // namespace writ::token
