// Open evaluation: what can be said of a policy when not everything is known of the request, nor of its
// entities.
//
// Partial evaluation (cedar/partial.h) takes the entities as complete. Here attributes of the resource, of
// parties and of the context may be there or not, and have this value or that. What comes out for a policy is
// the set of what its evaluation may come to: it holds, it does not, it fails.
//
//   OpenEvaluator open(policies, entities);
//   open.pose(world);
//   if (!open.outcomes(policy, principal).may_hold()) ...  // it never holds
//
// What is promised is one-sided: every evaluation that agrees with what is known comes to an outcome of the
// set. The set may have more. find() looks for values by which policies come to wanted outcomes; whoever asks
// has them decided by the real evaluation.
//
// An evaluator belongs to one thread; the policies, the entities and the world are borrowed. Work is linear
// in the policies that are asked about; find() is bounded by OpenLimits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/ast.h"
#include "cedar/compile.h"
#include "cedar/entities.h"
#include "cedar/eval_error.h"
#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::cedar {

struct OpenField;

// What is known of a value that is there. Values live in an arena of the caller.
struct OpenFact {
  std::optional<Value> value = {};  // all of it
  // Otherwise what it may be: of one of these kinds; of that entity type ("": any) ...
  KindSet kinds = kAnyKind;
  std::string entity_type = {};
  // ... one of these (none: anything) ...
  std::vector<Value> among = {};
  // ... a long, a datetime or a duration that is not below ...
  std::optional<std::int64_t> at_least = {};
  // ... a set that has all of the first, and nothing beside the second ...
  std::vector<Value> has_all = {};
  std::optional<std::vector<Value>> only_of = {};
  // ... a record, or an entity, with these fields; a closed one has no others.
  std::vector<OpenField> fields;  // without an initialiser: its type is not complete yet
  bool closed = false;

  static constexpr KindSet kAnyKind = (1u << 10) - 1;
  static OpenFact of(Value value);
  static OpenFact of_kind(Kind kind);
  static OpenFact of_type(std::string type);
  static OpenFact record(std::vector<OpenField> fields, bool closed);
};

struct OpenField {
  std::string name;
  bool certain;  // it is there; otherwise it may be
  OpenFact fact;
  // It is the very value that the context has under this path, when both are there: "tenant".
  std::string same_as = {};
};

inline OpenFact OpenFact::of(Value value) {
  return {.value = value, .fields = {}};
}
inline OpenFact OpenFact::of_kind(Kind kind) {
  return {.kinds = kind_set(kind), .fields = {}};
}
inline OpenFact OpenFact::of_type(std::string type) {
  return {.kinds = kind_set(Kind::kEntity), .entity_type = std::move(type), .fields = {}};
}
inline OpenFact OpenFact::record(std::vector<OpenField> fields, bool closed) {
  return {.kinds = kind_set(Kind::kRecord), .fields = std::move(fields), .closed = closed};
}

// An entity of which more may be known by the time of the request than the store says. Its parents and its
// tags are those of the store.
struct OpenEntity {
  EntityRef uid;
  OpenFact attributes;  // a record
};

struct OpenWorld {
  EntityRef action;
  // Absent: some entity of the type ("": of any), of which attributes, tags and parents are unknown, beside
  // what the store says if it is one of the store's.
  std::optional<EntityRef> resource = {};
  std::string resource_type;
  OpenFact context;  // a record
  std::vector<OpenEntity> entities = {};
  // Types of which entities that the store does not have may be told of by the time of the request: whatever
  // attributes, tags and parents. Null: what the store does not have has none. It outlives the evaluator, or
  // the next pose().
  const std::set<std::string, std::less<>>* told_later = nullptr;
};

class Outcomes {
 public:
  static constexpr std::uint8_t kHolds = 1, kNot = 2, kFails = 4;
  constexpr explicit Outcomes(std::uint8_t bits) noexcept : bits_(bits) {}

  bool may_hold() const noexcept { return (bits_ & kHolds) != 0; }
  bool may_fail() const noexcept { return (bits_ & kFails) != 0; }
  bool may_not_hold() const noexcept { return (bits_ & kNot) != 0; }
  bool certainly_holds() const noexcept { return bits_ == kHolds; }
  // Neither holds nor fails, whatever is unknown.
  bool certainly_not() const noexcept { return bits_ == kNot; }
  // Holds or fails, whatever is unknown: as a forbid it refuses.
  bool certainly_blocks() const noexcept { return (bits_ & kNot) == 0; }
  std::uint8_t bits() const noexcept { return bits_; }
  friend bool operator==(Outcomes, Outcomes) = default;

 private:
  std::uint8_t bits_;
};

// A value that was found for something unknown.
struct OpenBinding {
  // "context", "resource", or the entity as Cedar writes it; then the names of the attributes.
  std::vector<std::string> path;
  std::optional<Value> value;  // absent: it is there, and whatever it is
  bool absent = false;         // it must not be there
};

struct OpenLimits {
  std::size_t steps = 20'000;  // expressions looked at
  std::size_t visits = 24;     // answers that were offered
};

// One policy must hold, or must neither hold nor fail.
struct OpenGoal {
  EntityRef principal;
  std::vector<PolicyIndex> any_of;   // of these permits one holds
  std::vector<PolicyIndex> none_of;  // none of these holds or fails
};

class OpenEvaluator {
 public:
  OpenEvaluator(const CompiledPolicySet& policies, const EntityView& entities);
  ~OpenEvaluator();
  OpenEvaluator(const OpenEvaluator&) = delete;
  OpenEvaluator& operator=(const OpenEvaluator&) = delete;

  // Forgets the world before. The world must outlive what is asked of it.
  void pose(const OpenWorld& world);

  std::size_t size() const noexcept;
  bool forbids(PolicyIndex policy) const;
  // Whether its scope lets it have anything to do with the action, and with resources of the type.
  bool concerns(PolicyIndex policy) const;
  // The same of the principal.
  bool concerns(PolicyIndex policy, EntityRef principal) const;
  Outcomes outcomes(PolicyIndex policy, EntityRef principal);
  // What is left of it: known parts are replaced by their values, but for the principal itself.
  Policy residual(PolicyIndex policy, EntityRef principal);

  // Looks for values by which every goal is reached, and offers them to `visit`, which says whether they will
  // do. Answers whether they did. `parties` are entities that unknown ones may well be. The values live until
  // pose().
  using Visit = std::function<bool(std::span<const OpenBinding>)>;
  bool find(std::span<const OpenGoal> goals, std::span<const EntityRef> parties, const Visit& visit,
            const OpenLimits& limits = {});

 private:
  class State;
  class Search;
  std::unique_ptr<State> state_;
};

}  // namespace writ::cedar
