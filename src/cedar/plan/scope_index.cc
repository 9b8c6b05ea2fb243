#include "cedar/plan/scope_index.h"

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

// All keys under which the constraint alone would have to be filed; none when it constrains nothing, or
// matches nothing.
void ScopeIndex::keys_of(const ScopeConstraint& constraint, unsigned slot, std::vector<Key>& keys) {
  using Rule = ScopeConstraint::Rule;
  keys.clear();
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

// While the index is built: every key there is, with how many policies could be filed under it, and how many
// are.
class ScopeIndex::Census {
 public:
  struct Count {
    Key key;
    std::uint32_t could;
    std::uint32_t filed;
  };

  explicit Census(std::size_t policies) : places_(std::bit_ceil(policies * 2 + 16)) {}

  Count& count(const Key& key) {
    if (used_ * 2 > places_.size()) grow();
    Count& count = find(places_, key);
    if (count.key.symbol == nullptr) {
      count.key = key;
      ++used_;
    }
    return count;
  }
  // In no order; places without a symbol are free.
  std::span<const Count> counts() const noexcept { return places_; }

 private:
  // Symbols of one plan are unique, so equal keys have equal addresses.
  static Count& find(std::vector<Count>& places, const Key& key) {
    std::size_t at = key.hash & (places.size() - 1);
    while (places[at].key.symbol != nullptr &&
           !(places[at].key.symbol == key.symbol && places[at].key.family == key.family)) {
      at = (at + 1) & (places.size() - 1);
    }
    return places[at];
  }

  void grow() {
    std::vector<Count> larger(places_.size() * 2);
    for (const Count& count : places_) {
      if (count.key.symbol != nullptr) find(larger, count.key) = count;
    }
    places_.swap(larger);
  }

  std::vector<Count> places_;
  std::size_t used_ = 0;
};

void ScopeIndex::build(std::span<const PolicyScope> scopes) {
  Census census(scopes.size());
  std::vector<Key> keys;
  for (const PolicyScope& scope : scopes) {
    for (unsigned slot = 0; slot < 3; ++slot) {
      keys_of(scope.constraints[slot], slot, keys);
      for (const Key& key : keys) ++census.count(key).could;
    }
  }

  // The slot that each policy is filed by.
  std::vector<std::uint8_t> slots;
  slots.reserve(scopes.size());
  open_.reserve(scopes.size());
  for (PolicyIndex policy = 0; policy < scopes.size(); ++policy) {
    const auto [slot, open] = narrowest(census, scopes[policy]);
    slots.push_back(slot);
    open_.push_back(open);
    if (slot == kUnscoped) unscoped_.push_back(policy);
    if (slot >= kUnscoped) continue;
    keys_of(scopes[policy].constraints[slot], slot, keys);
    for (const Key& key : keys) ++census.count(key).filed;
  }

  make_places(census);
  for (PolicyIndex policy = 0; policy < scopes.size(); ++policy) {
    if (slots[policy] >= kUnscoped) continue;
    keys_of(scopes[policy].constraints[slots[policy]], slots[policy], keys);
    for (const Key& key : keys) file(policy, key);
  }
}

// Of the slots that constrain something the one that the fewest policies share, and the bits of the slots
// that this leaves open.
std::pair<std::uint8_t, std::uint8_t> ScopeIndex::narrowest(Census& census, const PolicyScope& scope) {
  using Rule = ScopeConstraint::Rule;
  std::uint8_t chosen = kUnscoped;
  unsigned open = 0;
  std::uint64_t fewest = std::numeric_limits<std::uint64_t>::max();
  std::vector<Key> keys;
  for (std::uint8_t slot = 0; slot < 3; ++slot) {
    const ScopeConstraint& constraint = scope.constraints[slot];
    if (constraint.rule == Rule::kAny) continue;
    open |= 1u << slot;
    keys_of(constraint, slot, keys);
    // An empty list of actions matches no request.
    if (keys.empty()) return {kNever, 0};
    std::uint64_t shared = 0;
    for (const Key& key : keys) shared += census.count(key).could;
    if (shared >= fewest) continue;
    fewest = shared;
    chosen = slot;
  }
  // A policy filed under a group is found for every type.
  if (chosen < kUnscoped && scope.constraints[chosen].rule != Rule::kIsIn) open &= ~(1u << chosen);
  return {chosen, static_cast<std::uint8_t>(open)};
}

void ScopeIndex::make_places(const Census& census) {
  const auto is_filed = [](const Census::Count& count) { return count.filed > 0; };
  const auto counts = census.counts();
  const auto keys = static_cast<std::size_t>(std::count_if(counts.begin(), counts.end(), is_filed));
  places_.assign(std::bit_ceil(keys * 2 + 2), Place{});
  std::uint32_t first = 0;
  for (const Census::Count& count : counts) {
    if (!is_filed(count)) continue;
    std::size_t at = count.key.hash & (places_.size() - 1);
    while (places_[at].key.symbol != nullptr) at = (at + 1) & (places_.size() - 1);
    places_[at] = {count.key, first, 0};
    first += count.filed;
    families_ |= 1u << count.key.family;
  }
  filed_.resize(first);
}

void ScopeIndex::file(PolicyIndex policy, const Key& key) {
  std::size_t at = key.hash & (places_.size() - 1);
  while (places_[at].key.symbol != key.symbol || places_[at].key.family != key.family)
    at = (at + 1) & (places_.size() - 1);
  Place& place = places_[at];
  // A list may name an action twice.
  if (place.count != 0 && filed_[place.first + place.count - 1] == policy) return;
  filed_[place.first + place.count++] = policy;
}

std::size_t ScopeIndex::bytes() const noexcept {
  return (unscoped_.capacity() + filed_.capacity()) * sizeof(PolicyIndex) +
         places_.capacity() * sizeof(Place) + open_.capacity();
}

}  // namespace writ::cedar
