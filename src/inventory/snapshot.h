// Snapshot: the inventory at one moment, for decisions. Immutable and thread-safe; share it by shared_ptr.
//
// Each identity brings its Cedar entity ready made, so that a decision only points to it. Identities are kept
// in shards, so that a change copies one shard and not the whole inventory. What operators ordered is kept
// beside them, also for ids that nobody has listed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cedar/symbols.h"
#include "cedar/value.h"
#include "inventory/grant.h"
#include "inventory/identity.h"
#include "inventory/use.h"

namespace writ::inventory {

// What is known of an identity beside what is said of it, from snapshot to snapshot.
struct Beside {
  Status ordered = Status::kActive;
  std::optional<Review> review = {};
  std::shared_ptr<Use> use = std::make_shared<Use>();
};

// An identity with its name and attributes as Cedar values: tenant, environment, owner, purposes, and what
// `attributes` says. Immutable, but for the days of its use.
class Member {
 public:
  // The identity must be valid.
  explicit Member(Identity identity, Beside beside = {});
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  const Identity& identity() const noexcept { return identity_; }
  const Identity* operator->() const noexcept { return &identity_; }
  // The stricter of what the configuration says and what operators ordered. Dates are not looked at.
  Status status() const noexcept { return std::max(identity_.configured_status, beside_.ordered); }
  // In force at an instant: the same, and it may have expired, or its review be overdue.
  Status status_at(Instant now) const noexcept {
    const auto said = status();
    const auto by_date = now >= expires_at_  ? Status::kExpired
                         : now >= review_by_ ? Status::kLapsed
                                             : Status::kActive;
    return std::max(said, by_date);
  }
  Status ordered() const noexcept { return beside_.ordered; }
  // Of the configuration's and the API's confirmation the later one, and when the next one is due.
  std::optional<Instant> reviewed_at() const noexcept;
  std::optional<Instant> review_by() const noexcept;
  const Beside& beside() const noexcept { return beside_; }
  Use& use() const noexcept { return *beside_.use; }
  cedar::EntityRef uid() const noexcept { return uid_; }
  cedar::Value attributes() const noexcept { return attributes_; }
  // May this identity act directly for that one?
  bool acts_for(std::string_view id, Kind kind) const noexcept;

 private:
  bool reviewed_over_the_api() const noexcept;

  Identity identity_;
  Beside beside_;
  Instant expires_at_, review_by_;               // the end of time where there is none
  std::vector<std::string_view> many_acts_for_;  // sorted; empty for the few that a look at each finds sooner
  cedar::Arena arena_;
  cedar::EntityRef uid_;
  cedar::Value attributes_;
};

class Snapshot {
 public:
  static std::shared_ptr<const Snapshot> empty();

  // Null when unknown. What is found lives as long as the snapshot.
  const Member* find(std::string_view id) const noexcept;
  // What operators ordered for this id, listed or not.
  Status ordered(std::string_view id) const noexcept;
  const Api* find_api(std::string_view id) const noexcept;
  const Api* find_audience(std::string_view audience) const noexcept;

  std::size_t size() const noexcept;
  std::size_t stopped() const noexcept;           // ids that operators have stopped
  std::size_t stopped_unlisted() const noexcept;  // those of them that are not listed
  // In the order of ids.
  std::vector<const Member*> members() const;
  std::vector<const Api*> apis() const;
  std::vector<Stop> stops() const;
  // By their ids, also those that are over or revoked.
  const Grants& grants() const noexcept { return *grants_; }
  // What is known of an id: it is listed, or stopped, or both.
  struct Known {
    std::string_view id;
    const Member* member;  // null: it is not listed
    Status ordered;
  };
  // The first so many of those that come after an id, in the order of ids. Looks at all, keeps no others.
  std::vector<Known> known_after(std::string_view id, std::size_t count) const;

  // A copy with these added or replaced; a stop that is kActive is taken away, and a review of an id that is
  // not listed is left out. What is beside an identity stays with it. Fails with kConflict when two APIs
  // would have one audience.
  Result<std::shared_ptr<const Snapshot>> with(std::vector<Identity> identities, std::vector<Api> apis,
                                               std::vector<Stop> stops = {},
                                               std::vector<Review> reviews = {}) const;
  // A copy with these grants in place of all.
  std::shared_ptr<const Snapshot> with_grants(Grants grants) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <class T>
  using Map = std::unordered_map<std::string, std::shared_ptr<const T>, Hash, std::equal_to<>>;
  using Stops = std::unordered_map<std::string, Status, Hash, std::equal_to<>>;
  struct Shard {
    Map<Member> members;
    Stops stops;
    std::size_t unlisted = 0;  // of the stops
  };
  static constexpr std::size_t kShards = 256;

  Snapshot();
  static std::size_t shard_of(std::string_view id) noexcept { return Hash{}(id) % kShards; }

  std::array<std::shared_ptr<const Shard>, kShards> shards_;
  Map<Api> apis_;
  Map<Api> apis_by_audience_;
  std::shared_ptr<const Grants> grants_ = std::make_shared<const Grants>();
};

}  // namespace writ::inventory
