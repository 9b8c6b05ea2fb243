#include "cedar/authorize/open_state.h"

#include <algorithm>

#include "base/check.h"
#include "cedar/plan/expression.h"

namespace writ::cedar {
namespace {

// Tags are kept beside the attributes, under names that no attribute has in a policy.
constexpr char kTagMark = '\x01';

const OpenField* find_field(const OpenFact& fact, std::string_view name) {
  for (const OpenField& field : fact.fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace

void OpenEvaluator::State::pose(const OpenWorld& world) {
  world_ = &world;
  told_later_ = world.told_later;
  arena_.reset();
  places_.clear();
  trail_.clear();
  action_ = entities_.find(world.action);
  add_place(kNoPlace, nullptr, &world.context, Presence::kThere);
  add_place(kNoPlace, nullptr, nullptr, Presence::kThere);
  places_[kResource].value.reset();
  if (world.resource) places_[kResource].value = Value::entity(*world.resource);
  for (const OpenEntity& entity : world.entities)
    add_place(kNoPlace, nullptr, &entity.attributes, Presence::kThere);
}

PlaceIndex OpenEvaluator::State::add_place(PlaceIndex parent, const Text* name, const OpenFact* fact,
                                           Presence presence) {
  Place place{parent, name, fact, presence, std::nullopt, {}};
  if (fact != nullptr) place.value = fact->value;
  places_.push_back(std::move(place));
  return static_cast<PlaceIndex>(places_.size() - 1);
}

PlaceIndex OpenEvaluator::State::child(PlaceIndex parent, const Text* name) {
  for (const PlaceIndex each : places_[parent].children) {
    if (same_text(places_[each].name, name)) return each;
  }
  PlaceIndex made = kNoPlace;
  const OpenFact* fact = places_[parent].fact;
  if (fact == nullptr || (fact->fields.empty() && !fact->closed)) {
    made = add_place(parent, name, nullptr, Presence::kMaybe);
  } else if (const OpenField* field = find_field(*fact, name->view()); field == nullptr) {
    made = add_place(parent, name, nullptr, fact->closed ? Presence::kAbsent : Presence::kMaybe);
  } else if (!field->same_as.empty()) {
    const PlaceIndex other = child(kContext, arena_.text(field->same_as));
    if (places_[other].presence == Presence::kThere || !field->certain) {
      places_[parent].children.push_back(other);
      return other;
    }
    made = add_place(parent, name, &field->fact, Presence::kThere);
  } else {
    made = add_place(parent, name, &field->fact, field->certain ? Presence::kThere : Presence::kMaybe);
  }
  places_[parent].children.push_back(made);
  return made;
}

bool OpenEvaluator::State::is_container(PlaceIndex at) const {
  const Place& place = places_[at];
  if (place.fact == nullptr || place.value) return false;
  return place.fact->kinds == kind_set(Kind::kRecord) || !place.fact->fields.empty();
}

KindSet OpenEvaluator::State::kinds_of(PlaceIndex at) const {
  if (at == kResource) return kind_set(Kind::kEntity);
  const Place& place = places_[at];
  if (place.value) return kind_set(place.value->kind());
  return place.fact != nullptr ? place.fact->kinds : OpenFact::kAnyKind;
}

std::vector<std::string> OpenEvaluator::State::path_of(PlaceIndex at) const {
  std::vector<std::string> path;
  for (; places_[at].parent != kNoPlace; at = places_[at].parent) {
    const auto name = places_[at].name->view();
    path.insert(path.begin(),
                name.starts_with(kTagMark) ? "tag " + std::string(name.substr(1)) : std::string(name));
  }
  path.insert(path.begin(), at == kContext    ? "context"
                            : at == kResource ? "resource"
                                              : world_->entities[at - kFirstEntity].uid.to_string());
  return path;
}

void OpenEvaluator::State::undo(std::size_t mark) {
  while (trail_.size() > mark) {
    const Undo& last = trail_.back();
    places_[last.place].presence = last.presence;
    places_[last.place].value = last.value;
    trail_.pop_back();
  }
}

void OpenEvaluator::State::bind(PlaceIndex at, Value value) {
  Place& place = places_[at];
  trail_.push_back({at, place.presence, place.value});
  place.presence = Presence::kThere;
  place.value = value;
}

void OpenEvaluator::State::set_presence(PlaceIndex at, Presence presence) {
  Place& place = places_[at];
  if (place.presence == presence) return;
  trail_.push_back({at, place.presence, place.value});
  place.presence = presence;
}

PlaceIndex OpenEvaluator::State::container_of(const Seen& seen) const {
  if (seen.is(Seen::Form::kPlace)) return seen.place;
  if (!seen.is(Seen::Form::kValue) || !seen.value.is(Kind::kEntity)) return kNoPlace;
  const EntityRef uid = seen.value.as_entity();
  if (const PlaceIndex root = root_of(uid); root != kNoPlace) return root;
  const auto& resource = places_[kResource].value;
  return resource && resource->as_entity() == uid ? kResource : kNoPlace;
}

std::vector<PlaceIndex> OpenEvaluator::State::changed() const {
  std::vector<PlaceIndex> places;
  for (const Undo& each : trail_) places.push_back(each.place);
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

PlaceIndex OpenEvaluator::State::root_of(EntityRef uid) const {
  for (std::size_t i = 0; i < world_->entities.size(); ++i) {
    if (world_->entities[i].uid == uid) return static_cast<PlaceIndex>(kFirstEntity + i);
  }
  return kNoPlace;
}

bool OpenEvaluator::State::may_be_resource(EntityRef uid) const {
  if (const auto& known = places_[kResource].value) return known->as_entity() == uid;
  return world_->resource_type.empty() || uid.type() == world_->resource_type;
}

bool OpenEvaluator::State::may_be_told(EntityRef uid) const {
  return told_later_ != nullptr && told_later_->contains(uid.type()) && entities_.find(uid) == nullptr;
}

bool OpenEvaluator::State::may_be_below_more(EntityRef uid) const {
  if (told_later_ == nullptr) return false;
  const Entity* entity = entities_.find(uid);
  if (entity == nullptr) return may_be_told(uid);
  return std::ranges::any_of(*entity->ancestors,
                             [&](const Ancestors::Entry& each) { return may_be_told(EntityRef(each.uid)); });
}

bool OpenEvaluator::State::in_any(EntityRef uid, EntityRef group) const {
  if (uid == group) return true;
  const Entity* entity = entities_.find(uid);
  return entity != nullptr && entity->ancestors->contain(group);
}

std::uint8_t OpenEvaluator::State::scope(PolicyIndex policy, unsigned slot) const {
  using Rule = ScopeConstraint::Rule;
  const ScopeConstraint& constraint = plan_.scopes[policy].constraints[slot];
  const auto known = [&](EntityRef uid) -> std::uint8_t {
    // Under the store's own name, as authorize() asks.
    const Entity* entity = entities_.find(uid);
    if (constraint.matches({entity != nullptr ? entity->uid : uid, entity})) return kIsTrue;
    const bool by_parents = constraint.rule == Rule::kIn || constraint.rule == Rule::kInAny ||
                            (constraint.rule == Rule::kIsIn && constraint.type->view() == uid.type());
    return by_parents && constraint.uid_count > 0 && may_be_below_more(uid) ? kIsEither : kIsFalse;
  };
  if (slot == 0) return known(principal_);
  if (slot == 1) return constraint.matches({world_->action, action_}) ? kIsTrue : kIsFalse;
  if (const auto& value = places_[kResource].value) return known(value->as_entity());
  const std::string_view type = world_->resource_type;
  if (type.empty() && constraint.rule != Rule::kAny) return kIsEither;
  switch (constraint.rule) {
    case Rule::kAny:
      return kIsTrue;
    case Rule::kIs:
      return constraint.type->view() == type ? kIsTrue : kIsFalse;
    case Rule::kEqual:
      return constraint.uids[0]->type->view() == type ? kIsEither : kIsFalse;
    case Rule::kIsIn:
      return constraint.type->view() == type ? kIsEither : kIsFalse;
    case Rule::kIn:
    case Rule::kInAny:
      return constraint.uid_count == 0 ? kIsFalse : kIsEither;
  }
  return kIsEither;
}

std::uint8_t OpenEvaluator::State::scopes(PolicyIndex policy) const {
  const std::uint8_t principal = scope(policy, 0);
  if (scope(policy, 1) == kIsFalse || principal == kIsFalse) return kIsFalse;
  const std::uint8_t resource = scope(policy, 2);
  return principal == kIsTrue || resource == kIsFalse ? resource : kIsEither;
}

void OpenEvaluator::State::assume_scope(PolicyIndex policy) {
  const ScopeConstraint& constraint = plan_.scopes[policy].constraints[2];
  if (constraint.rule == ScopeConstraint::Rule::kEqual && !places_[kResource].value)
    bind(kResource, Value::entity(EntityRef(constraint.uids[0])));
}

// ---- what follows from an outcome

void OpenEvaluator::State::note_read(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  switch (node.op) {
    case Op::kAnd:
    case Op::kOr:
      // At least the first was evaluated.
      return note_read(plan_.operands[node.a]);
    case Op::kIf:
      return note_read(node.a);
    case Op::kIsIn:
      return note_read(node.a);
    case Op::kHas:
    case Op::kHasPath:
      return note_read(node.a);
    default:
      break;
  }
  for (const NodeIndex operand : operands_of(plan_, at)) note_read(operand);
  if (node.op != Op::kAttribute) return;
  const PlaceIndex read = child_of(evaluate(node.a), plan_.names[node.b]);
  if (read != kNoPlace && places_[read].presence == Presence::kMaybe) set_presence(read, Presence::kThere);
}

void OpenEvaluator::State::assume(NodeIndex at, bool truth) {
  const Node& node = plan_.nodes[at];
  switch (node.op) {
    case Op::kNot:
      return assume(node.a, !truth);
    case Op::kAnd:
    case Op::kOr:
      if ((node.op == Op::kAnd) != truth) return note_read(at);
      for (const NodeIndex operand : operands_of(plan_, at)) assume(operand, truth);
      return;
    case Op::kHas: {
      note_read(node.a);
      const Seen base = evaluate(node.a);
      if (base.may_fail) return;
      // An entity that does not exist has no attributes, and reading one fails: here it has one.
      const PlaceIndex read = child_of(base, plan_.names[node.b]);
      if (read != kNoPlace && places_[read].presence == Presence::kMaybe)
        set_presence(read, truth ? Presence::kThere : Presence::kAbsent);
      return;
    }
    case Op::kHasPath: {
      note_read(node.a);
      if (!truth) return;
      Seen base = evaluate(node.a);
      for (std::uint32_t i = node.c; i != node.c + node.b; ++i) {
        const PlaceIndex read = child_of(base, plan_.names[i]);
        if (read != kNoPlace && places_[read].presence == Presence::kMaybe)
          set_presence(read, Presence::kThere);
        base = attribute(base, plan_.names[i]);
      }
      return;
    }
    case Op::kEqual: {
      note_read(at);
      if (!truth) return;
      const Seen left = evaluate(node.a);
      const Seen right = evaluate(node.b);
      if (left.is(Seen::Form::kPlace) && right.is(Seen::Form::kValue)) bind(left.place, right.value);
      if (right.is(Seen::Form::kPlace) && left.is(Seen::Form::kValue)) bind(right.place, left.value);
      return;
    }
    case Op::kIf:
      return note_read(node.a);
    default: {
      note_read(at);
      const Seen seen = evaluate(at);
      if (seen.is(Seen::Form::kPlace)) bind(seen.place, Value::boolean(truth));
    }
  }
}

// ---- what is left

Expr OpenEvaluator::State::residual(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  switch (node.op) {
    case Op::kPrincipal:
      return plan_expression(plan_, at);
    case Op::kAnd:
    case Op::kOr: {
      const bool conjunction = node.op == Op::kAnd;
      const std::uint8_t neutral = conjunction ? kIsTrue : kIsFalse;
      const std::size_t before = mark();
      std::vector<Expr> left;
      for (const NodeIndex operand : operands_of(plan_, at)) {
        const std::uint8_t truth = test(operand);
        if (truth == neutral) continue;
        left.push_back(residual(operand));
        if ((truth & neutral) == 0) break;
        assume(operand, conjunction);
      }
      undo(before);
      if (left.empty()) return value_expression(Value::boolean(conjunction));
      if (left.size() == 1) return std::move(left[0]);
      return node_expression(plan_, at, std::move(left));
    }
    case Op::kNot: {
      const std::uint8_t truth = test(node.a);
      if (truth == kIsTrue || truth == kIsFalse) return value_expression(Value::boolean(truth == kIsFalse));
      std::vector<Expr> left;
      left.push_back(residual(node.a));
      return node_expression(plan_, at, std::move(left));
    }
    case Op::kIf: {
      const std::uint8_t truth = test(node.a);
      if (truth == kIsTrue) return residual(node.b);
      if (truth == kIsFalse) return residual(node.c);
      std::vector<Expr> left;
      for (const auto& [part, taken] : {std::pair(node.a, -1), {node.b, 1}, {node.c, 0}}) {
        const std::size_t before = mark();
        if (taken >= 0) assume(node.a, taken == 1);
        left.push_back(residual(part));
        undo(before);
      }
      return node_expression(plan_, at, std::move(left));
    }
    default:
      break;
  }
  const Seen seen = evaluate(at);
  if (!seen.may_fail && seen.is(Seen::Form::kValue)) return value_expression(seen.value);
  if (!seen.may_fail && seen.is(Seen::Form::kTruth) && seen.truth != kIsEither)
    return value_expression(Value::boolean(seen.truth == kIsTrue));
  std::vector<Expr> left;
  for (const NodeIndex operand : operands_of(plan_, at)) left.push_back(residual(operand));
  return node_expression(plan_, at, std::move(left));
}

}  // namespace writ::cedar
