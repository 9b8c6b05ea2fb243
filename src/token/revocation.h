// Which tokens were revoked before they expired, by jti.
//
// Revocations is what every verification asks: in memory, thread-safe, and written through to a
// RevocationStore, so that what was acknowledged survives a crash. An entry is kept until its token would
// have expired anyway.
#pragma once

#include <cstddef>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace writ::token {

struct Revocation {
  std::string jti;
  Instant expires_at;  // of the token; afterwards the entry may be forgotten
};

// Implemented by store. Thread-safe.
class RevocationStore {
 public:
  virtual ~RevocationStore() = default;
  // Returns after the entry is durable.
  virtual Result<void> save(const Revocation& revocation) = 0;
  virtual Result<std::vector<Revocation>> load() = 0;
};

class Revocations {
 public:
  // Without a store, revocations live as long as the process. The store must outlive this.
  explicit Revocations(RevocationStore* store = nullptr) : store_(store) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();
  // Durable, and in force for the next verification, when it returns.
  Result<void> revoke(Revocation revocation);
  bool revoked(std::string_view jti) const;
  // Forgets tokens that have expired; for a timer.
  void prune(Instant now);
  std::size_t size() const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  RevocationStore* store_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Instant, Hash, std::equal_to<>> expiry_by_jti_;
};

}  // namespace writ::token
