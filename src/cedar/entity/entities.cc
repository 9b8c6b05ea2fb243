#include "cedar/entities.h"

#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>
#include <unordered_map>

namespace writ::cedar {
namespace {

using Entry = Ancestors::Entry;

constexpr std::size_t kLinearAncestors = 12;

bool entry_before(const Entry& a, const Entry& b) noexcept {
  if (a.hash != b.hash) return a.hash < b.hash;
  const int types = a.uid->type->view().compare(b.uid->type->view());
  return types != 0 ? types < 0 : a.uid->id->view() < b.uid->id->view();
}

bool same_entry(const Entry& a, const Entry& b) noexcept {
  return EntityRef(a.uid) == EntityRef(b.uid);
}

bool same_ancestors(const Ancestors& a, const Ancestors& b) noexcept {
  return &a == &b || std::equal(a.begin(), a.end(), b.begin(), b.end(), same_entry);
}

const Ancestors* no_ancestors() noexcept {
  alignas(8) static constexpr Ancestors kNone{0, 0};
  return &kNone;
}

// Sorts and stores what was collected; `collected` is used up.
const Ancestors* make_ancestors(Arena& arena, std::span<Entry> collected) {
  if (collected.empty()) return no_ancestors();
  std::sort(collected.begin(), collected.end(), entry_before);
  const auto last = std::unique(collected.begin(), collected.end(), same_entry);
  const auto size = static_cast<std::size_t>(last - collected.begin());
  auto* node = static_cast<Ancestors*>(arena.allocate(sizeof(Ancestors) + size * sizeof(Entry)));
  *node = {static_cast<std::uint32_t>(size), 0};
  std::copy_n(collected.begin(), size, const_cast<Entry*>(node->begin()));
  return node;
}

bool same_entity(const Entity& a, const Entity& b) {
  const auto is_parent_of = [](const Entity& entity) {
    return [&entity](EntityRef uid) {
      return std::find(entity.parents.begin(), entity.parents.end(), uid) != entity.parents.end();
    };
  };
  return Value::record(a.attributes) == Value::record(b.attributes) &&
         Value::record(a.tags) == Value::record(b.tags) &&
         std::all_of(a.parents.begin(), a.parents.end(), is_parent_of(b)) &&
         std::all_of(b.parents.begin(), b.parents.end(), is_parent_of(a));
}

std::span<const EntityRef> copy_parents(Arena& arena, std::span<const EntityRef> parents) {
  if (parents.empty()) return {};
  auto* copies = arena.allocate_array<EntityRef>(parents.size());
  std::uninitialized_copy(parents.begin(), parents.end(), copies);
  return {copies, parents.size()};
}

// Gives every entity its ancestors, parents before children, without recursion: a hierarchy may be deep.
class Closure {
 public:
  Closure(Arena& arena, const EntityTable& table, std::vector<Entity>& entities, std::size_t max_entries)
      : arena_(arena),
        table_(table),
        entities_(entities),
        entries_left_(max_entries),
        states_(entities.size(), State::kNew) {}

  Result<void> run() {
    for (std::uint32_t index = 0; index < entities_.size(); ++index) TRY(visit(index));
    return {};
  }

 private:
  enum class State : std::uint8_t { kNew, kOpen, kDone };
  struct Step {
    std::uint32_t index;
    std::uint32_t next_parent;
  };

  Result<void> visit(std::uint32_t root) {
    if (states_[root] == State::kDone) return {};
    open(root);
    while (!stack_.empty()) {
      Step& step = stack_.back();
      const Entity& entity = entities_[step.index];
      if (step.next_parent == entity.parents.size()) {
        if (!finish(step.index)) {
          return failure(ErrorCode::kLimit,
                         fmt::format("the hierarchy above `{}` is too large", entity.uid.to_string()));
        }
        stack_.pop_back();
        continue;
      }
      const std::uint32_t parent = table_.find(entity.parents[step.next_parent++], entities_);
      if (parent == EntityTable::kNone || states_[parent] == State::kDone) continue;
      if (states_[parent] == State::kOpen) {
        return failure(ErrorCode::kInvalid,
                       fmt::format("`{}` is its own ancestor: the entity hierarchy has a cycle",
                                   entities_[parent].uid.to_string()));
      }
      open(parent);
    }
    return {};
  }

  void open(std::uint32_t index) {
    states_[index] = State::kOpen;
    stack_.push_back({index, 0});
  }

  // Answers false when there is no room for the ancestors.
  bool finish(std::uint32_t index) {
    states_[index] = State::kDone;
    Entity& entity = entities_[index];
    if (entity.parents.size() != 1) {
      entity.ancestors = collect(entity.parents);
    } else {
      // Siblings with one and the same parent share their ancestors: a large group costs one list.
      const Ancestors*& shared = below_[entity.parents[0].raw()];
      if (shared == nullptr) shared = collect(entity.parents);
      entity.ancestors = shared;
    }
    return entity.ancestors != nullptr;
  }

  const Ancestors* collect(std::span<const EntityRef> parents) {
    collected_.clear();
    for (const EntityRef parent : parents) {
      collected_.push_back({parent.raw(), parent.hash()});
      if (const std::uint32_t at = table_.find(parent, entities_); at != EntityTable::kNone) {
        collected_.insert(collected_.end(), entities_[at].ancestors->begin(), entities_[at].ancestors->end());
      }
    }
    if (collected_.size() > entries_left_) return nullptr;
    entries_left_ -= collected_.size();
    return make_ancestors(arena_, collected_);
  }

  Arena& arena_;
  const EntityTable& table_;
  std::vector<Entity>& entities_;
  std::size_t entries_left_;
  std::vector<State> states_;
  std::vector<Step> stack_;
  std::vector<Entry> collected_;
  std::unordered_map<const Uid*, const Ancestors*> below_;
};

}  // namespace

bool Ancestors::contain(EntityRef uid) const noexcept {
  const std::uint32_t hash = uid.hash();
  const Entry* at = begin();
  if (size > kLinearAncestors) {
    at = std::lower_bound(begin(), end(), hash,
                          [](const Entry& entry, std::uint32_t h) { return entry.hash < h; });
  } else {
    while (at != end() && at->hash != hash) ++at;
  }
  for (; at != end() && at->hash == hash; ++at) {
    if (EntityRef(at->uid) == uid) return true;
  }
  return false;
}

std::uint32_t EntityTable::find(EntityRef uid, std::span<const Entity> entities) const noexcept {
  if (places_.empty()) return kNone;
  const std::uint32_t hash = uid.hash();
  const std::size_t mask = places_.size() - 1;
  for (std::size_t at = hash & mask; places_[at].index != kNone; at = (at + 1) & mask) {
    if (places_[at].hash == hash && entities[places_[at].index].uid == uid) return places_[at].index;
  }
  return kNone;
}

void EntityTable::put(Place place) noexcept {
  const std::size_t mask = places_.size() - 1;
  std::size_t at = place.hash & mask;
  while (places_[at].index != kNone) at = (at + 1) & mask;
  places_[at] = place;
}

void EntityTable::insert(EntityRef uid, std::uint32_t index) {
  if (++count_ * 2 > places_.size()) {
    std::vector<Place> old(std::max<std::size_t>(16, places_.size() * 2), Place{0, kNone});
    old.swap(places_);
    for (const Place& place : old) {
      if (place.index != kNone) put(place);
    }
  }
  put({uid.hash(), index});
}

Entities::Entities(Arena arena, EntityTable table, std::vector<Entity> entities)
    : table_(std::move(table)), entities_(std::move(entities)), arena_(std::move(arena)) {
  std::vector<Entry> above;
  const Ancestors* previous = nullptr;
  std::size_t compact_at = 4096;
  for (const Entity& entity : entities_) {
    if (entity.ancestors != previous)
      above.insert(above.end(), entity.ancestors->begin(), entity.ancestors->end());
    previous = entity.ancestors;
    if (above.size() < compact_at) continue;
    std::sort(above.begin(), above.end(), entry_before);
    above.erase(std::unique(above.begin(), above.end(), same_entry), above.end());
    compact_at = std::max(compact_at, above.size() * 2);
  }
  above_ = make_ancestors(arena_, above);
}

const Entity* Entities::find(EntityRef uid) const noexcept {
  const std::uint32_t index = table_.find(uid, entities_);
  return index == EntityTable::kNone ? nullptr : &entities_[index];
}

bool Entities::is_an_ancestor(EntityRef uid) const noexcept {
  return above_->contain(uid);
}

std::size_t Entities::bytes_reserved() const noexcept {
  return table_.bytes() + entities_.capacity() * sizeof(Entity) + arena_.bytes_reserved();
}

std::shared_ptr<const Entities> Entities::empty() {
  static const std::shared_ptr<const Entities> none = *EntitiesBuilder().build();
  return none;
}

EntitiesBuilder::EntitiesBuilder(std::size_t max_ancestor_entries)
    : max_ancestor_entries_(max_ancestor_entries), arena_(Arena::Symbols::kUnique) {}

Result<void> EntitiesBuilder::add(EntityRef uid, Value attributes, std::span<const EntityRef> parents) {
  return add(uid, attributes, parents, Value::record(empty_record()));
}

Result<void> EntitiesBuilder::add(EntityRef uid, Value attributes, std::span<const EntityRef> parents,
                                  Value tags) {
  const std::span<const EntityRef> kept = copy_parents(arena_, parents);
  // One address per name, so that siblings are recognised by their parent's address.
  for (const EntityRef& parent : kept) const_cast<EntityRef&>(parent) = arena_.entity(parent);
  const Entity entity{arena_.entity(uid), &attributes.as_record(), &tags.as_record(), no_ancestors(), kept};
  if (const std::uint32_t at = table_.find(uid, entities_); at != EntityTable::kNone) {
    if (same_entity(entities_[at], entity)) return {};
    return failure(ErrorCode::kConflict,
                   fmt::format("entity `{}` is given twice, with different content", uid.to_string()));
  }
  table_.insert(entity.uid, static_cast<std::uint32_t>(entities_.size()));
  entities_.push_back(entity);
  return {};
}

bool EntitiesBuilder::holds(EntityRef uid) const noexcept {
  return table_.find(uid, entities_) != EntityTable::kNone;
}

Result<std::shared_ptr<const Entities>> EntitiesBuilder::build() && {
  TRY(Closure(arena_, table_, entities_, max_ancestor_entries_).run());
  arena_.stop_uniquing();
  entities_.shrink_to_fit();
  return std::shared_ptr<const Entities>(
      new Entities(std::move(arena_), std::move(table_), std::move(entities_)));
}

namespace {

// All parents, and all that is above those.
template <class Find>
const Ancestors* ancestors_over(Arena& arena, std::span<const EntityRef> parents, Find find) {
  if (parents.empty()) return no_ancestors();
  std::size_t count = parents.size();
  for (const EntityRef parent : parents) {
    if (const Entity* known = find(parent)) count += known->ancestors->size;
  }
  auto* collected = arena.allocate_array<Entry>(count);
  std::size_t next = 0;
  for (const EntityRef parent : parents) {
    collected[next++] = {parent.raw(), parent.hash()};
    const Entity* known = find(parent);
    for (const Entry& entry : known != nullptr ? *known->ancestors : *no_ancestors())
      collected[next++] = entry;
  }
  return make_ancestors(arena, {collected, count});
}

}  // namespace

const Entity* Overlay::look_up(EntityRef uid) const {
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    if (hashes_[i] == uid.hash() && extra_[i].uid == uid) return &extra_[i];
  }
  return known(uid);
}

const Entity* Overlay::known(EntityRef uid) const {
  if (const Entity* known = base_->find(uid)) return known;
  return source_ != nullptr ? fetch(uid) : nullptr;
}

const Entity* Overlay::fetch(EntityRef uid) const {
  for (const Entity* known : fetched_) {
    if (known->uid == uid) return known;
  }
  const Entity* found = source_->fetch(uid, *arena_);
  if (found == nullptr) return nullptr;
  auto* made = new (arena_->allocate_array<Entity>(1)) Entity(*found);
  if (!made->parents.empty()) {
    struct Deeper {
      explicit Deeper(std::size_t& of) : depth(of) { ++depth; }
      ~Deeper() { --depth; }
      std::size_t& depth;
    };
    const Deeper deeper(depth_);
    if (depth_ > kMaxSourceDepth) throw std::length_error("entities stand too deep below each other");
    made->ancestors =
        ancestors_over(*arena_, made->parents, [this](EntityRef parent) { return known(parent); });
  }
  fetched_.push_back(made);
  return made;
}

Result<void> Overlay::add(Arena& arena, EntityRef uid, Value attributes, std::span<const EntityRef> parents) {
  return add(arena, uid, attributes, parents, Value::record(empty_record()));
}

Result<void> Overlay::add(Arena& arena, EntityRef uid, Value attributes, std::span<const EntityRef> parents,
                          Value tags) {
  const auto conflict = [&](std::string_view why) {
    return failure(ErrorCode::kConflict,
                   fmt::format("cannot lay `{}` over the entities: {}", uid.to_string(), why));
  };
  const Ancestors* ancestors =
      ancestors_over(arena, parents, [this](EntityRef parent) { return find(parent); });
  if (ancestors->contain(uid)) return conflict("it would be its own ancestor");

  for (const Entity& other : extra_) {
    if (other.uid == uid) return conflict("it is there already");
    if (!other.ancestors->contain(uid)) continue;
    for (const Entry& entry : *ancestors) {
      if (!other.ancestors->contain(EntityRef(entry.uid)))
        return conflict("parents must be added before children");
    }
  }
  if (base_->is_an_ancestor(uid)) {
    const Entity* known = base_->find(uid);
    if (!same_ancestors(known != nullptr ? *known->ancestors : *no_ancestors(), *ancestors)) {
      return conflict("entities below it would change theirs");
    }
  }
  looked_up_ = {};
  hashes_.push_back(uid.hash());
  extra_.push_back(
      {uid, &attributes.as_record(), &tags.as_record(), ancestors, copy_parents(arena, parents)});
  return {};
}

}  // namespace writ::cedar
