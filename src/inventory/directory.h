// Directory: the inventory as a service. It writes a change to its store first, then swaps the snapshot that
// decisions read, so what was acknowledged is durable and acts on the very next decision.
//
// The configuration may stop an identity, and so may an operator over the API. Neither undoes what the other
// did: both are kept, and the stricter one is in force. A stop by the configuration ends when the
// configuration says otherwise. An operator's order stays until an operator lifts it, whatever becomes of the
// identity in between. Retiring is for good.
//
// Thread-safe; changes are one after the other, readers never wait for them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inventory/snapshot.h"

namespace writ::inventory {

struct Change {
  std::vector<Identity> identities;  // added, or replaced by id
  std::vector<Api> apis;
  std::vector<Stop> stops = {};      // added, replaced or (kActive) lifted, by id
  std::vector<Review> reviews = {};  // added, or replaced by id
  std::vector<UsedDays> used = {};   // the same
  // What is said of them over the API: added, or replaced by id; one that is empty is forgotten.
  std::vector<GrantRecord> grant_records = {};
  // Of a declaration: all of its grants. They are not stored.
  std::vector<Grant> grants = {};
};

// Implemented by store. Thread-safe.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<Change> load_inventory() = 0;
  // All of it or nothing; durable when it returns.
  virtual Result<void> save_inventory(const Change& change) = 0;
};

struct DirectoryLimits {
  // Stops of ids that Writ knows nothing of: they are not in the inventory, and take part in nothing. What an
  // operator stops by mistake, or a program makes up, then fills neither memory nor disk.
  std::size_t unlisted_stops = 100'000;
  // Whether an id that is not in the inventory takes part in requests just now: there is always room to stop
  // it. Asked only when there is no other. Null: none does.
  std::function<bool(std::string_view id)> active = nullptr;
  // Tells the day on which an identity becomes active. Null: nobody is interested.
  const Clock* clock = nullptr;
  std::size_t given_grants = 10'000;  // over the API
};

class Directory {
 public:
  // The store must outlive it.
  explicit Directory(Store& store, DirectoryLimits limits = {})
      : store_(store), limits_(std::move(limits)), snapshot_(Snapshot::empty()) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();
  // The configuration's word, whole: what it declared once and does not any more is retired, until it is
  // declared again. It has no orders. At start-up, and at every reload.
  // `put`, if it is given, is called once when all is stored: it calls what it is given, which makes the
  // snapshot the one to decide by, and puts in force whatever goes with it. It must not throw.
  using Put = std::function<void(const std::function<void()>& publish)>;
  Result<void> declare(Change declared, const Put& put = {});

  std::shared_ptr<const Snapshot> snapshot() const;
  // Told of each snapshot when it becomes the one to decide by, one after the other, before the change that
  // made it returns; at once of the one that is there. One at a time follows; it must not throw, and not
  // change the directory.
  using Follower = std::function<void(std::shared_ptr<const Snapshot>)>;
  void follow(Follower follower);

  // kConflict when the id is taken (or the API's audience), or retired.
  Result<void> create(Identity identity, Status ordered = Status::kActive);
  Result<void> create(Api api);
  // kNotFound; kConflict when the kind would change, when it is declared in the configuration, or retired.
  // Without `ordered`, what was ordered before stays.
  Result<void> update(Identity identity, std::optional<Status> ordered = std::nullopt);
  // An operator's order, for any id that a token could carry, listed or not. kInvalid for what nobody can be
  // called; kConflict when it is retired, or when only the configuration could lift the stop; kNotFound where
  // there is nothing to lift; kLimit where there is no room for a stop of an id that nobody knows.
  Result<void> order(std::string_view id, Status status);
  // What order() would refuse.
  Result<void> check_order(std::string_view id, Status status) const;

  // Somebody confirms that a listed identity is needed as it is, until the next review. kNotFound; kConflict
  // when it is retired; kInvalid when the next review is not after this one.
  Result<void> review(Review review);
  // What review() would refuse.
  Result<void> check_review(const Review& review) const;
  // What is said of grants from now on, one record for each. Whether they can be linked is the caller's to
  // know. kLimit where there is no room for another that is given over the API.
  Result<void> change_grants(std::vector<GrantRecord> records, const Put& put = {});

  // Stores on which days identities were used since the last call. Nothing to do with decisions. Returns how
  // many there were.
  Result<std::size_t> keep_use();

  // Stops that were refused for want of room. For /metrics; monotone.
  std::uint64_t stops_refused() const noexcept { return stops_refused_.load(std::memory_order_relaxed); }

 private:
  Result<void> check_room(const Snapshot& now, std::string_view id) const;
  // With changes_ held. `grants`: in place of all; nothing: they stay.
  Result<void> commit(Change change, const Put& put = {}, std::optional<Grants> grants = {});
  // Those of the configuration, with what was said of them.
  Grants declared_grants(const Snapshot& now, std::vector<Grant> grants, Change& change) const;
  void activate(const Snapshot& next, Change& change) const;
  void publish(std::shared_ptr<const Snapshot> next);

  Store& store_;
  const DirectoryLimits limits_;
  mutable std::atomic<std::uint64_t> stops_refused_{0};
  std::mutex changes_;
  Follower follower_;         // with changes_ held
  mutable std::mutex mutex_;  // for the pointer alone
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace writ::inventory
