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
#include "inventory/identity.h"

namespace writ::inventory {

// An identity with its name and attributes as Cedar values: tenant, environment, owner, purposes, and what
// `attributes` says. Immutable.
class Member {
 public:
  // The identity must be valid.
  explicit Member(Identity identity, Status ordered = Status::kActive);
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  const Identity& identity() const noexcept { return identity_; }
  const Identity* operator->() const noexcept { return &identity_; }
  // In force: the stricter of what the configuration says and what operators ordered.
  Status status() const noexcept { return std::max(identity_.configured_status, ordered_); }
  Status ordered() const noexcept { return ordered_; }
  cedar::EntityRef uid() const noexcept { return uid_; }
  cedar::Value attributes() const noexcept { return attributes_; }
  // May this identity act directly for that one?
  bool acts_for(std::string_view id, Kind kind) const noexcept;

 private:
  Identity identity_;
  Status ordered_;
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
  // What is known of an id: it is listed, or stopped, or both.
  struct Known {
    std::string_view id;
    const Member* member;  // null: it is not listed
    Status ordered;
  };
  // The first so many of those that come after an id, in the order of ids. Looks at all, keeps no others.
  std::vector<Known> known_after(std::string_view id, std::size_t count) const;

  // A copy with these added or replaced; a stop that is kActive is taken away. Fails with kConflict when two
  // APIs would have one audience.
  Result<std::shared_ptr<const Snapshot>> with(std::vector<Identity> identities, std::vector<Api> apis,
                                               std::vector<Stop> stops = {}) const;

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
};

}  // namespace writ::inventory
