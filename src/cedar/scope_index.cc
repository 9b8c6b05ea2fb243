#include "cedar/scope_index.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace writ::cedar {

bool ScopeConstraint::matches(const ScopeSubject& subject) const noexcept {
  switch (rule) {
    case Rule::kAny:
      return true;
    case Rule::kEqual:
      return subject.uid == EntityRef(uids[0]);
    case Rule::kIn:
      return subject.is_in(EntityRef(uids[0]));
    case Rule::kIs:
      return same_text(subject.uid.type_text(), type);
    case Rule::kIsIn:
      return same_text(subject.uid.type_text(), type) && subject.is_in(EntityRef(uids[0]));
    case Rule::kInAny:
      return std::any_of(uids, uids + uid_count,
                         [&](const Uid* uid) { return subject.is_in(EntityRef(uid)); });
  }
  return false;
}

bool ScopeIndex::same_key(const Key& key, unsigned family, const void* symbol) noexcept {
  if (key.family != family) return false;
  if (key.symbol == symbol) return true;
  if (family % 3 == kIsType)
    return same_text(static_cast<const Text*>(key.symbol), static_cast<const Text*>(symbol));
  return EntityRef(static_cast<const Uid*>(key.symbol)) == EntityRef(static_cast<const Uid*>(symbol));
}

// All keys under which the constraint alone would have to be filed; none when it constrains nothing.
void ScopeIndex::keys_of(const ScopeConstraint& constraint, unsigned slot, std::vector<Key>& keys) {
  using Rule = ScopeConstraint::Rule;
  const auto add = [&](Relation relation, const void* symbol, std::uint32_t symbol_hash) {
    const unsigned in_family = family(slot, relation);
    keys.push_back({symbol, key_hash(symbol_hash, in_family), in_family});
  };
  switch (constraint.rule) {
    case Rule::kAny:
      return;
    case Rule::kEqual:
      return add(kEqualTo, constraint.uids[0], constraint.uids[0]->hash);
    case Rule::kIs:
      return add(kIsType, constraint.type, constraint.type->hash);
    case Rule::kIn:
    case Rule::kIsIn:
      return add(kUnder, constraint.uids[0], constraint.uids[0]->hash);
    case Rule::kInAny:
      for (std::uint32_t i = 0; i < constraint.uid_count; ++i) {
        add(kUnder, constraint.uids[i], constraint.uids[i]->hash);
      }
  }
}

// Counts how many policies could be filed under each key, to find the narrowest for each policy.
class ScopeIndex::Census {
 public:
  explicit Census(std::size_t policies) : places_(std::bit_ceil(policies * 8 + 16)) {}

  std::uint32_t& count(const Key& key) {
    if (used_ * 2 > places_.size()) grow();
    Place& place = find(places_, key);
    if (place.key.symbol == nullptr) {
      place.key = key;
      ++used_;
    }
    return place.count;
  }

 private:
  static Place& find(std::vector<Place>& places, const Key& key) {
    std::size_t at = key.hash & (places.size() - 1);
    while (places[at].key.symbol != nullptr &&
           !(places[at].key.hash == key.hash && same_key(places[at].key, key.family, key.symbol))) {
      at = (at + 1) & (places.size() - 1);
    }
    return places[at];
  }

  void grow() {
    std::vector<Place> larger(places_.size() * 2);
    for (const Place& place : places_) {
      if (place.key.symbol != nullptr) find(larger, place.key) = place;
    }
    places_.swap(larger);
  }

  std::vector<Place> places_;
  std::size_t used_ = 0;
};

void ScopeIndex::build(std::span<const PolicyScope> scopes) {
  Census census(scopes.size());
  std::vector<Key> keys;
  for (const PolicyScope& scope : scopes) {
    for (unsigned slot = 0; slot < 3; ++slot) {
      keys.clear();
      keys_of(scope.constraints[slot], slot, keys);
      for (const Key& key : keys) ++census.count(key);
    }
  }

  struct Filing {
    Key key;
    PolicyIndex policy;
  };
  std::vector<Filing> filings;
  open_.reserve(scopes.size());
  for (PolicyIndex policy = 0; policy < scopes.size(); ++policy) {
    std::vector<Key> narrowest;
    std::uint64_t fewest = std::numeric_limits<std::uint64_t>::max();
    bool never = false;
    unsigned open = 0;
    unsigned decided = 0;
    for (unsigned slot = 0; slot < 3; ++slot) {
      const ScopeConstraint& constraint = scopes[policy].constraints[slot];
      if (constraint.rule != ScopeConstraint::Rule::kAny) open |= 1u << slot;
      keys.clear();
      keys_of(constraint, slot, keys);
      if (keys.empty()) {
        // An empty list of actions matches no request.
        never = never || constraint.rule == ScopeConstraint::Rule::kInAny;
        continue;
      }
      std::uint64_t shared = 0;
      for (const Key& key : keys) shared += census.count(key);
      if (shared >= fewest) continue;
      fewest = shared;
      narrowest = keys;
      // A policy filed under a group is found for every type.
      decided = constraint.rule == ScopeConstraint::Rule::kIsIn ? 0 : 1u << slot;
    }
    open_.push_back(static_cast<std::uint8_t>(open & ~decided));
    if (never) continue;
    if (narrowest.empty()) unscoped_.push_back(policy);
    for (const Key& key : narrowest) filings.push_back({key, policy});
  }

  std::sort(filings.begin(), filings.end(), [](const Filing& a, const Filing& b) {
    if (a.key.hash != b.key.hash) return a.key.hash < b.key.hash;
    if (a.key.family != b.key.family) return a.key.family < b.key.family;
    if (a.key.symbol != b.key.symbol) return std::less<>()(a.key.symbol, b.key.symbol);
    return a.policy < b.policy;
  });
  places_.assign(std::bit_ceil(filings.size() * 2 + 2), Place{});
  for (std::size_t i = 0; i < filings.size();) {
    const Key& key = filings[i].key;
    Place place{key, static_cast<std::uint32_t>(filed_.size()), 0};
    // Symbols of one plan are unique, so equal keys have equal addresses and lie side by side.
    for (; i < filings.size() && filings[i].key.family == key.family && filings[i].key.symbol == key.symbol;
         ++i) {
      if (place.count != 0 && filed_.back() == filings[i].policy) continue;
      filed_.push_back(filings[i].policy);
      ++place.count;
    }
    families_ |= 1u << key.family;
    std::size_t at = place.key.hash & (places_.size() - 1);
    while (places_[at].count != 0) at = (at + 1) & (places_.size() - 1);
    places_[at] = place;
  }
}

std::size_t ScopeIndex::bytes() const noexcept {
  return (unscoped_.capacity() + filed_.capacity()) * sizeof(PolicyIndex) +
         places_.capacity() * sizeof(Place) + open_.capacity();
}

}  // namespace writ::cedar
