// Entities: the immutable store of what is known about entities, with every ancestor precomputed, and
// Overlay: a few entities of one request laid over such a store without copying it, and over a source of
// more.
//
// An entity that the store does not hold is not an error by itself; it has no attributes and no ancestors, as
// in Cedar. Entities are immutable and thread-safe; share them by shared_ptr. An Overlay belongs to one
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::cedar {

// All entities above another one, nearest or not, without the entity itself; sorted by hash.
struct Ancestors {
  std::uint32_t size;
  std::uint32_t unused;

  struct Entry {
    const Uid* uid;
    std::uint32_t hash;
  };
  const Entry* begin() const noexcept { return reinterpret_cast<const Entry*>(this + 1); }
  const Entry* end() const noexcept { return begin() + size; }
  bool contain(EntityRef uid) const noexcept;
};

struct Entity {
  EntityRef uid;
  const RecordNode* attributes;  // never null
  const RecordNode* tags;        // never null
  const Ancestors* ancestors;    // never null
  std::span<const EntityRef> parents;
};

// Finds an entity's index by its name: open addressing, a hash beside every index.
class EntityTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::uint32_t find(EntityRef uid, std::span<const Entity> entities) const noexcept;
  // `uid` must not be there yet.
  void insert(EntityRef uid, std::uint32_t index);
  std::size_t bytes() const noexcept { return places_.capacity() * sizeof(Place); }

 private:
  struct Place {
    std::uint32_t hash;
    std::uint32_t index;
  };
  void put(Place place) noexcept;

  std::vector<Place> places_;
  std::size_t count_ = 0;
};

class Entities {
 public:
  // Null when the store does not hold it.
  const Entity* find(EntityRef uid) const noexcept;
  std::size_t size() const noexcept { return entities_.size(); }
  std::span<const Entity> all() const noexcept { return entities_; }
  // Whether some entity of the store is below `uid`.
  bool is_an_ancestor(EntityRef uid) const noexcept;
  std::size_t bytes_reserved() const noexcept;

  static std::shared_ptr<const Entities> empty();

  Entities(Entities&&) = delete;

 private:
  friend class EntitiesBuilder;
  Entities(Arena arena, EntityTable table, std::vector<Entity> entities);

  EntityTable table_;
  std::vector<Entity> entities_;
  const Ancestors* above_;  // every entity that is above another
  Arena arena_;
};

// Collects entities and makes the store. Values given to add() must live in arena(), or be copied there with
// copy_value().
class EntitiesBuilder {
 public:
  // How long all lists of ancestors may be together, at sixteen bytes an entry. A hierarchy of n entities in
  // one chain needs n²/2; one flat group of any size needs one.
  static constexpr std::size_t kMaxAncestorEntries = 32 << 20;

  explicit EntitiesBuilder(std::size_t max_ancestor_entries = kMaxAncestorEntries);

  Arena& arena() noexcept { return arena_; }

  // `attributes` and `tags` are records. The same entity may come twice when both are equal in everything;
  // otherwise kConflict.
  Result<void> add(EntityRef uid, Value attributes, std::span<const EntityRef> parents, Value tags);
  Result<void> add(EntityRef uid, Value attributes, std::span<const EntityRef> parents);
  bool holds(EntityRef uid) const noexcept;

  // Computes all ancestors. Fails with kInvalid when an entity is its own ancestor, with kLimit when the
  // ancestors would take too much room. The builder is spent.
  Result<std::shared_ptr<const Entities>> build() &&;

 private:
  std::size_t max_ancestor_entries_;
  Arena arena_;
  EntityTable table_;
  std::vector<Entity> entities_;
};

// More entities than a store holds: they come and go one by one, and each is made when a request reads it.
// Thread-safe. What it holds, no store beside it holds.
class EntitySource {
 public:
  virtual ~EntitySource() = default;
  // Made in `arena`, without its ancestors; null: it is not there.
  virtual const Entity* fetch(EntityRef uid, Arena& arena) const = 0;
  // It is fetched soon: what it takes may come from memory meanwhile, where it stands with the first, and a
  // while later with the second itself.
  virtual void seek(EntityRef) const noexcept {}
  virtual void expect(EntityRef) const noexcept {}
};

// Reusable: clear() keeps the memory. The base must outlive the overlay.
class Overlay {
 public:
  // How far up entities of a source may stand below each other. Beyond it a look-up throws, and there is no
  // decision.
  static constexpr std::size_t kMaxSourceDepth = 64;

  explicit Overlay(const Entities& base) : base_(&base) {}

  // Until clear(): what neither overlay nor base has is looked for there. Null: nowhere.
  void look_in(const EntitySource* source, Arena& arena) noexcept {
    source_ = source;
    arena_ = &arena;
  }
  // Those of the source that were looked up since.
  std::span<const Entity* const> fetched() const noexcept { return fetched_; }

  // Lays an entity over the base; it replaces the base's entity of that name. Parents come before children.
  // Values must live in an arena that outlives the overlay's use; what the overlay makes lives in `arena`.
  // Fails with kConflict when the overlay has it already, or when an entity of the base or of the overlay
  // lies below it and its parents would change: the precomputed ancestors would be wrong.
  Result<void> add(Arena& arena, EntityRef uid, Value attributes, std::span<const EntityRef> parents,
                   Value tags);
  Result<void> add(Arena& arena, EntityRef uid, Value attributes, std::span<const EntityRef> parents = {});

  // Takes away what was laid last, if it has that name: there is nothing below it that could depend on it.
  void take_back(EntityRef uid) noexcept {
    if (extra_.empty() || extra_.back().uid != uid) return;
    extra_.pop_back();
    hashes_.pop_back();
    looked_up_ = {};
  }

  const Entity* find(EntityRef uid) const {
    LookedUp& place = looked_up_[(reinterpret_cast<std::uintptr_t>(uid.raw()) >> 4) % looked_up_.size()];
    // Where it stands says nothing: by now another name may stand there.
    if (place.uid == uid.raw() && place.entity->uid == uid) return place.entity;
    const Entity* found = look_up(uid);
    if (found != nullptr) place = {uid.raw(), found};
    return found;
  }
  // As it is below the overlay.
  const Entity* known(EntityRef uid) const;
  const Entities& base() const noexcept { return *base_; }
  void clear() noexcept {
    hashes_.clear();
    extra_.clear();
    fetched_.clear();
    looked_up_ = {};
    source_ = nullptr;
  }

 private:
  struct LookedUp {
    const Uid* uid = nullptr;
    const Entity* entity = nullptr;
  };

  const Entity* look_up(EntityRef uid) const;
  const Entity* fetch(EntityRef uid) const;

  const Entities* base_;
  const EntitySource* source_ = nullptr;
  Arena* arena_ = nullptr;
  std::vector<std::uint32_t> hashes_;  // of the names of extra_
  std::vector<Entity> extra_;
  mutable std::vector<const Entity*> fetched_;
  // Every attribute that is read looks for its entity again, mostly under the same name in memory.
  mutable std::array<LookedUp, 8> looked_up_{};
  mutable std::size_t depth_ = 0;  // of the look-up that is under way
};

// What the evaluator asks: a store, with or without an overlay. Borrows both.
class EntityView {
 public:
  EntityView(const Entities& entities) noexcept : base_(&entities), overlay_(nullptr) {}
  EntityView(const Overlay& overlay) noexcept : base_(&overlay.base()), overlay_(&overlay) {}

  const Entity* find(EntityRef uid) const {
    return overlay_ != nullptr ? overlay_->find(uid) : base_->find(uid);
  }

 private:
  const Entities* base_;
  const Overlay* overlay_;
};

}  // namespace writ::cedar
