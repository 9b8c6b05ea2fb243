// ScopeIndex: finds, for a request, the policies whose scope can match it, without looking at the others.
// Private to the cedar module.
//
// Every policy is filed once, under the narrowest part of its scope: of its constraints on principal, action
// and resource the one that the fewest policies share (an action list files it once for each action). A
// request looks under its own names, their ancestors and their types. What it finds still has to pass
// ScopeIndex::matches, which looks at what the filing leaves open. Immutable after build(); thread-safe for
// reads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cedar/entities.h"
#include "cedar/symbols.h"

namespace writ::cedar {

using PolicyIndex = std::uint32_t;

// The principal, the action or the resource of a request, with what the store holds of it (null: nothing).
struct ScopeSubject {
  EntityRef uid;
  const Entity* entity;

  bool is_in(EntityRef ancestor) const noexcept {
    return uid == ancestor || (entity != nullptr && entity->ancestors->contain(ancestor));
  }
};

struct ScopeConstraint {
  enum class Rule : std::uint8_t { kAny, kEqual, kIn, kIs, kIsIn, kInAny };

  Rule rule = Rule::kAny;
  std::uint32_t uid_count = 0;
  const Text* type = nullptr;        // kIs, kIsIn
  const Uid* const* uids = nullptr;  // kEqual, kIn, kIsIn: one; kInAny: uid_count

  bool matches(const ScopeSubject& subject) const noexcept;
};

using RequestScope = std::array<ScopeSubject, 3>;

struct PolicyScope {
  // principal, action, resource
  std::array<ScopeConstraint, 3> constraints;

  bool matches(const RequestScope& request) const noexcept {
    return constraints[1].matches(request[1]) && constraints[0].matches(request[0]) &&
           constraints[2].matches(request[2]);
  }
};

class ScopeIndex {
 public:
  void build(std::span<const PolicyScope> scopes);

  // Calls visit(span of PolicyIndex) for every group of policies that may match. A policy with a list of
  // actions may come more than once.
  template <class Visit>
  void find(const RequestScope& request, Visit&& visit) const {
    visit(std::span<const PolicyIndex>(unscoped_));
    for (unsigned slot = 0; slot < 3; ++slot) {
      const ScopeSubject& subject = request[slot];
      look_up(family(slot, kEqualTo), subject.uid.raw(), subject.uid.hash(), visit);
      look_up(family(slot, kIsType), subject.uid.type_text(), subject.uid.type_text()->hash, visit);
      if ((families_ & (1u << family(slot, kUnder))) == 0) continue;
      look_up(family(slot, kUnder), subject.uid.raw(), subject.uid.hash(), visit);
      if (subject.entity == nullptr) continue;
      for (const Ancestors::Entry& above : *subject.entity->ancestors) {
        look_up(family(slot, kUnder), above.uid, above.hash, visit);
      }
    }
  }

  // What is filed under one key. The symbol is a Uid, a Text for types, or null for the policies that every
  // request meets; the relation is 0 for equal, 1 for under, 2 for a type; the slot as in RequestScope.
  struct Entry {
    const void* symbol;
    unsigned slot;
    unsigned relation;
    std::span<const PolicyIndex> policies;
  };
  template <class Visit>
  void for_each(Visit&& visit) const {
    if (!unscoped_.empty()) visit(Entry{nullptr, 0, 0, unscoped_});
    for (const Place& place : places_) {
      if (place.count != 0)
        visit(Entry{place.key.symbol, place.key.family / 3, place.key.family % 3,
                    std::span<const PolicyIndex>(filed_.data() + place.first, place.count)});
    }
  }

  // Whether a policy that find() came upon matches. `scope` is the one it was built with.
  bool matches(PolicyIndex policy, const PolicyScope& scope, const RequestScope& request) const noexcept {
    const unsigned open = open_[policy];
    for (unsigned slot = 0; slot < 3; ++slot) {
      if ((open & (1u << slot)) != 0 && !scope.constraints[slot].matches(request[slot])) return false;
    }
    return true;
  }

  std::size_t bytes() const noexcept;

 private:
  enum Relation : unsigned { kEqualTo, kUnder, kIsType };

  // A constraint as the table knows it. The symbol is a Uid, or a Text for kIsType.
  struct Key {
    const void* symbol;
    std::uint32_t hash;
    std::uint32_t family;
  };
  struct Place {
    Key key;
    std::uint32_t first;
    std::uint32_t count;  // zero: free
  };
  class Census;
  // In place of a slot: a policy without a constraint, and one that no request can match.
  static constexpr std::uint8_t kUnscoped = 3;
  static constexpr std::uint8_t kNever = 4;

  static unsigned family(unsigned slot, Relation relation) noexcept { return slot * 3 + relation; }
  static std::uint32_t key_hash(std::uint32_t symbol_hash, unsigned family) noexcept {
    return mix_hash(symbol_hash, family);
  }
  static bool same_key(const Key& key, unsigned family, const void* symbol) noexcept;
  static void keys_of(const ScopeConstraint& constraint, unsigned slot, std::vector<Key>& keys);
  static std::pair<std::uint8_t, std::uint8_t> narrowest(Census& census, const PolicyScope& scope);
  void make_places(const Census& census);
  void file(PolicyIndex policy, const Key& key);

  template <class Visit>
  void look_up(unsigned in_family, const void* symbol, std::uint32_t symbol_hash, Visit&& visit) const {
    if ((families_ & (1u << in_family)) == 0) return;
    const std::uint32_t hash = key_hash(symbol_hash, in_family);
    const std::size_t mask = places_.size() - 1;
    for (std::size_t at = hash & mask; places_[at].count != 0; at = (at + 1) & mask) {
      const Place& place = places_[at];
      if (place.key.hash != hash || !same_key(place.key, in_family, symbol)) continue;
      visit(std::span<const PolicyIndex>(filed_.data() + place.first, place.count));
      return;
    }
  }

  // By policy, a bit by slot: whether its constraint still has to be looked at when the policy was found.
  std::vector<std::uint8_t> open_;
  std::vector<PolicyIndex> unscoped_;
  std::vector<PolicyIndex> filed_;
  std::vector<Place> places_;
  std::uint32_t families_ = 0;  // bit by family: whether anything is filed there
};

}  // namespace writ::cedar
