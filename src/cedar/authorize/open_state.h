// What the open evaluator knows while it works: places, each of them a value that may be unknown, and what
// has been taken for granted of them. Private to the cedar module; cedar/open.h is what others use.
#pragma once

#include <vector>

#include "cedar/open.h"
#include "cedar/plan/plan.h"

namespace writ::cedar {

using PlaceIndex = std::uint32_t;
constexpr PlaceIndex kNoPlace = UINT32_MAX;

enum class Presence : std::uint8_t { kMaybe, kThere, kAbsent };

// What an expression may evaluate to.
struct Seen {
  enum class Form : std::uint8_t {
    kNothing,  // it certainly fails
    kValue,
    kPlace,  // whatever the place has
    kTruth,  // a boolean: one of `truth`
    kAny     // something of `kinds`
  };
  Form form;
  bool may_fail = false;
  Value value = Value::boolean(false);
  PlaceIndex place = kNoPlace;
  std::uint8_t truth = 0;  // Outcomes::kHolds, kNot
  KindSet kinds = 0;

  bool is(Form wanted) const noexcept { return form == wanted; }
  static Seen nothing() { return {.form = Form::kNothing, .may_fail = true}; }
  static Seen of(Value value) { return {.form = Form::kValue, .value = value}; }
  static Seen any(KindSet kinds, bool may_fail) {
    return {.form = Form::kAny, .may_fail = may_fail, .kinds = kinds};
  }
  static Seen either(std::uint8_t truth, bool may_fail = false) {
    return {.form = Form::kTruth, .may_fail = may_fail, .truth = truth};
  }
};

constexpr std::uint8_t kIsTrue = Outcomes::kHolds, kIsFalse = Outcomes::kNot, kHasFailed = Outcomes::kFails;
constexpr std::uint8_t kIsEither = kIsTrue | kIsFalse;

class OpenEvaluator::State {
 public:
  State(const CompiledPolicySet& policies, const EntityView& entities)
      : plan_(policies.plan()), entities_(entities) {}

  void pose(const OpenWorld& world);
  void set_principal(EntityRef principal) { principal_ = principal; }

  // Whether the scope matches: kIsTrue, kIsFalse or both.
  std::uint8_t scope(PolicyIndex policy, unsigned slot) const;
  std::uint8_t scopes(PolicyIndex policy) const;
  // What the scope says of an unknown resource is taken for granted.
  void assume_scope(PolicyIndex policy);

  // What the expression as a condition may come to.
  std::uint8_t test(NodeIndex at);
  Seen evaluate(NodeIndex at);
  // What follows when the condition came out like this.
  void assume(NodeIndex at, bool truth);

  Expr residual(NodeIndex at);

  std::size_t mark() const noexcept { return trail_.size(); }
  void undo(std::size_t mark);
  void bind(PlaceIndex place, Value value);
  void set_presence(PlaceIndex place, Presence presence);

  struct Place {
    PlaceIndex parent;
    const Text* name;      // null: a root
    const OpenFact* fact;  // null: nothing is known
    Presence presence;
    std::optional<Value> value;
    std::vector<PlaceIndex> children = {};
  };
  const Place& place(PlaceIndex at) const { return places_[at]; }
  std::size_t places() const { return places_.size(); }
  KindSet kinds_of(PlaceIndex at) const;
  // Whether all that is known of the place is by its fields.
  bool is_container(PlaceIndex at) const;
  // Where attributes of what was seen are kept; kNoPlace: nothing of it is unknown.
  PlaceIndex container_of(const Seen& seen) const;
  PlaceIndex child(PlaceIndex parent, const Text* name);
  PlaceIndex child_of(const Seen& base, const Text* name) {
    const PlaceIndex parent = container_of(base);
    return parent == kNoPlace ? kNoPlace : child(parent, name);
  }
  std::vector<PlaceIndex> changed() const;
  std::vector<std::string> path_of(PlaceIndex at) const;

  static constexpr PlaceIndex kContext = 0, kResource = 1, kFirstEntity = 2;
  const Plan& plan() const { return plan_; }
  const EntityView& entities() const { return entities_; }
  const OpenWorld& world() const { return *world_; }
  Arena& arena() { return arena_; }
  EntityRef principal() const { return principal_; }

 private:
  PlaceIndex root_of(EntityRef uid) const;
  bool may_be_resource(EntityRef uid) const;
  // The store does not have it, and somebody may tell of it later.
  bool may_be_told(EntityRef uid) const;
  // It, or something above it, may have parents that are told later.
  bool may_be_below_more(EntityRef uid) const;
  Seen read(PlaceIndex at) const;
  Seen variable(Op op);
  Seen of_entity(EntityRef uid, const Text* name);
  Seen attribute(const Seen& base, const Text* name);
  std::uint8_t has_of_entity(EntityRef uid, const Text* name);
  Seen has(const Seen& base, const Text* name);
  Seen has_path(NodeIndex at);
  Seen equal(const Seen& left, const Seen& right);
  Seen ordered(Op op, const Seen& left, const Seen& right);
  Seen arithmetic(NodeIndex at);
  Seen is_in(const Seen& left, const Seen& right);
  Seen is_type(NodeIndex at, const Seen& operand);
  Seen set_operation(Op op, const Seen& left, const Seen& right);
  Seen tag(Op op, const Seen& left, const Seen& right);
  Seen make_set_or_record(NodeIndex at);
  Seen call(NodeIndex at);
  KindSet kinds_of(const Seen& seen) const;
  bool in_any(EntityRef uid, EntityRef group) const;
  void note_read(NodeIndex at);
  std::uint8_t truth_of(const Seen& seen) const;
  PlaceIndex add_place(PlaceIndex parent, const Text* name, const OpenFact* fact, Presence presence);

  struct Undo {
    PlaceIndex place;
    Presence presence;
    std::optional<Value> value;
  };

  const Plan& plan_;
  const EntityView entities_;
  // Of the world that was posed last. The scopes of policies are asked about principals after a world is
  // gone.
  const std::set<std::string, std::less<>>* told_later_ = nullptr;
  const OpenWorld* world_ = nullptr;
  Arena arena_;
  std::vector<Place> places_;
  std::vector<Undo> trail_;
  EntityRef principal_{nullptr};
  const Entity* action_ = nullptr;
};

}  // namespace writ::cedar
