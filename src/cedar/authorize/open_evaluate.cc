#include <algorithm>

#include "cedar/authorize/open_state.h"
#include "cedar/plan/evaluate.h"
#include "cedar/plan/expression.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

using Form = Seen::Form;

bool contains(const std::vector<Value>& values, Value value) {
  return std::ranges::find(values, value) != values.end();
}

Seen truth(bool value) {
  return Seen::of(Value::boolean(value));
}

}  // namespace

KindSet OpenEvaluator::State::kinds_of(const Seen& seen) const {
  switch (seen.form) {
    case Form::kValue:
      return kind_set(seen.value.kind());
    case Form::kPlace:
      return kinds_of(seen.place);
    case Form::kTruth:
      return kind_set(Kind::kBool);
    case Form::kAny:
      return seen.kinds;
    case Form::kNothing:
      return 0;
  }
  return 0;
}

std::uint8_t OpenEvaluator::State::truth_of(const Seen& seen) const {
  const std::uint8_t failing = seen.may_fail ? kHasFailed : 0;
  switch (seen.form) {
    case Form::kNothing:
      return kHasFailed;
    case Form::kValue:
      if (!seen.value.is(Kind::kBool)) return kHasFailed;
      return failing | (seen.value.as_bool() ? kIsTrue : kIsFalse);
    case Form::kTruth:
      return failing | seen.truth;
    default: {
      const KindSet kinds = kinds_of(seen);
      if ((kinds & kind_set(Kind::kBool)) == 0) return kHasFailed;
      return failing | kIsEither | (kinds != kind_set(Kind::kBool) ? kHasFailed : 0);
    }
  }
}

std::uint8_t OpenEvaluator::State::test(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  switch (node.op) {
    case Op::kAnd:
    case Op::kOr: {
      // Each operand is asked only after those before it came out this way.
      const bool conjunction = node.op == Op::kAnd;
      const std::uint8_t goes_on = conjunction ? kIsTrue : kIsFalse;
      const std::size_t before = mark();
      std::uint8_t outcomes = 0;
      bool reached = true;
      for (std::uint32_t i = node.a; i != node.a + node.b; ++i) {
        const std::uint8_t each = test(plan_.operands[i]);
        outcomes |= each & static_cast<std::uint8_t>(~goes_on);
        reached = (each & goes_on) != 0;
        if (!reached) break;
        if (each != goes_on) assume(plan_.operands[i], conjunction);
      }
      undo(before);
      return reached ? outcomes | goes_on : outcomes;
    }
    case Op::kNot: {
      const std::uint8_t each = test(node.a);
      std::uint8_t turned = each & kHasFailed;
      if ((each & kIsTrue) != 0) turned |= kIsFalse;
      if ((each & kIsFalse) != 0) turned |= kIsTrue;
      return turned;
    }
    case Op::kIf: {
      const std::uint8_t each = test(node.a);
      std::uint8_t outcomes = each & kHasFailed;
      for (const bool way : {true, false}) {
        if ((each & (way ? kIsTrue : kIsFalse)) == 0) continue;
        const std::size_t before = mark();
        assume(node.a, way);
        outcomes |= test(way ? node.b : node.c);
        undo(before);
      }
      return outcomes;
    }
    default:
      return truth_of(evaluate(at));
  }
}

Seen OpenEvaluator::State::read(PlaceIndex at) const {
  const Place& place = places_[at];
  if (place.presence == Presence::kAbsent) return Seen::nothing();
  Seen seen{.form = place.value ? Form::kValue : Form::kPlace,
            .may_fail = place.presence == Presence::kMaybe,
            .place = at};
  if (place.value) seen.value = *place.value;
  return seen;
}

Seen OpenEvaluator::State::variable(Op op) {
  switch (op) {
    case Op::kPrincipal:
      return Seen::of(Value::entity(principal_));
    case Op::kAction:
      return Seen::of(Value::entity(world_->action));
    case Op::kResource:
      return read(kResource);
    default:
      return read(kContext);
  }
}

Seen OpenEvaluator::State::evaluate(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  switch (node.op) {
    case Op::kConstant:
      return Seen::of(plan_.constants[node.a]);
    case Op::kPrincipal:
    case Op::kAction:
    case Op::kResource:
    case Op::kContext:
      return variable(node.op);
    case Op::kAnd:
    case Op::kOr:
    case Op::kNot: {
      const std::uint8_t outcomes = test(at);
      if ((outcomes & kIsEither) == 0) return Seen::nothing();
      return Seen::either(outcomes & kIsEither, (outcomes & kHasFailed) != 0);
    }
    case Op::kIf: {
      const std::uint8_t outcomes = test(node.a);
      if (outcomes == kIsTrue) return evaluate(node.b);
      if (outcomes == kIsFalse) return evaluate(node.c);
      if ((outcomes & kIsEither) == 0) return Seen::nothing();
      return Seen::any(OpenFact::kAnyKind, true);
    }
    case Op::kSet:
    case Op::kRecord:
      return make_set_or_record(at);
    case Op::kCall:
      return call(at);
    case Op::kNegate:
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
      return arithmetic(at);
    case Op::kHasPath:
      return has_path(at);
    default:
      break;
  }
  const Seen left = evaluate(node.a);
  if (left.is(Form::kNothing)) return left;
  Seen out = Seen::nothing();
  bool right_may_fail = false;
  switch (node.op) {
    case Op::kAttribute:
      out = attribute(left, plan_.names[node.b]);
      break;
    case Op::kHas:
      out = has(left, plan_.names[node.b]);
      break;
    case Op::kIsEmpty:
    case Op::kLike: {
      const Kind wanted = node.op == Op::kLike ? Kind::kString : Kind::kSet;
      const KindSet kinds = kinds_of(left);
      if ((kinds & kind_set(wanted)) == 0) break;
      if (left.is(Form::kValue)) {
        out = truth(node.op == Op::kLike ? plan_.patterns[node.b].matches(left.value.as_string())
                                         : left.value.as_set().size == 0);
      } else {
        out = Seen::either(kIsEither, kinds != kind_set(wanted));
        const bool has_some = left.is(Form::kPlace) && places_[left.place].fact != nullptr &&
                              !places_[left.place].fact->has_all.empty();
        if (node.op == Op::kIsEmpty && has_some) out.truth = kIsFalse;
      }
      break;
    }
    case Op::kIs:
    case Op::kIsIn:
      out = is_type(at, left);
      break;
    default: {
      const Seen right = evaluate(node.b);
      if (right.is(Form::kNothing)) return right;
      right_may_fail = right.may_fail;
      if (node.op == Op::kEqual) out = equal(left, right);
      if (node.op == Op::kLess || node.op == Op::kLessOrEqual) out = ordered(node.op, left, right);
      if (node.op == Op::kIn) out = is_in(left, right);
      if (node.op == Op::kContains || node.op == Op::kContainsAll || node.op == Op::kContainsAny)
        out = set_operation(node.op, left, right);
      if (node.op == Op::kHasTag || node.op == Op::kGetTag) out = tag(node.op, left, right);
    }
  }
  out.may_fail = out.may_fail || left.may_fail || right_may_fail;
  return out;
}

Seen OpenEvaluator::State::of_entity(EntityRef uid, const Text* name) {
  const Entity* entity = entities_.find(uid);
  const PlaceIndex root = root_of(uid);
  // What a world says of an entity is all of it.
  if (root != kNoPlace) return read(child(root, name));
  const Value* found = entity != nullptr ? entity->attributes->find(name) : nullptr;
  if (found != nullptr) return Seen::of(*found);
  if (const auto& resource = places_[kResource].value; resource && resource->as_entity() == uid)
    return read(child(kResource, name));
  // Told of the resource, which this may be.
  if (may_be_resource(uid) || may_be_told(uid)) return Seen::any(OpenFact::kAnyKind, true);
  return Seen::nothing();
}

Seen OpenEvaluator::State::attribute(const Seen& base, const Text* name) {
  Seen out = Seen::nothing();
  if (base.is(Form::kNothing)) return out;
  const KindSet kinds = kinds_of(base);
  if ((kinds & kRecordOrEntity) == 0) return out;
  const bool kind_may_be_wrong = (kinds & ~kRecordOrEntity) != 0;
  if (base.is(Form::kPlace)) {
    out = read(child(base.place, name));
    if (out.is(Form::kNothing)) return out;
    // The entity may not exist.
    if (base.place != kResource && (kinds & kind_set(Kind::kEntity)) != 0 && out.is(Form::kValue) == false)
      out.may_fail = out.may_fail || places_[out.place].presence != Presence::kThere;
  } else if (base.is(Form::kAny)) {
    out = Seen::any(OpenFact::kAnyKind, true);
  } else if (base.value.is(Kind::kRecord)) {
    const Value* found = base.value.as_record().find(name);
    if (found != nullptr) out = Seen::of(*found);
  } else {
    out = of_entity(base.value.as_entity(), name);
  }
  out.may_fail = out.may_fail || kind_may_be_wrong || base.may_fail;
  return out;
}

std::uint8_t OpenEvaluator::State::has_of_entity(EntityRef uid, const Text* name) {
  const Seen seen = of_entity(uid, name);
  if (seen.is(Form::kNothing)) return kIsFalse;
  return seen.may_fail ? kIsEither : kIsTrue;
}

Seen OpenEvaluator::State::has(const Seen& base, const Text* name) {
  if (base.is(Form::kNothing)) return base;
  const KindSet kinds = kinds_of(base);
  if ((kinds & kRecordOrEntity) == 0) return Seen::nothing();
  Seen out = Seen::either(kIsEither, (kinds & ~kRecordOrEntity) != 0 || base.may_fail);
  if (base.is(Form::kPlace)) {
    const Presence presence = places_[child(base.place, name)].presence;
    if (presence != Presence::kMaybe) out.truth = presence == Presence::kThere ? kIsTrue : kIsFalse;
  } else if (base.is(Form::kValue)) {
    out.truth = base.value.is(Kind::kEntity)                   ? has_of_entity(base.value.as_entity(), name)
                : base.value.as_record().find(name) != nullptr ? kIsTrue
                                                               : kIsFalse;
  }
  return out;
}

Seen OpenEvaluator::State::has_path(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  Seen base = evaluate(node.a);
  if (base.is(Form::kNothing)) return base;
  bool may_fail = base.may_fail;
  std::uint8_t outcomes = 0;
  for (std::uint32_t i = node.c; i != node.c + node.b; ++i) {
    const Seen each = has(base, plan_.names[i]);
    if (each.is(Form::kNothing)) {
      may_fail = true;
      if (outcomes == 0) return Seen::nothing();
      return Seen::either(outcomes, true);
    }
    may_fail = may_fail || each.may_fail;
    outcomes |= each.truth & kIsFalse;
    if ((each.truth & kIsTrue) == 0) return Seen::either(outcomes, may_fail);
    base = attribute(base, plan_.names[i]);
    base.may_fail = false;  // it is there now
    if (base.is(Form::kNothing)) return Seen::either(kIsEither, true);
  }
  return Seen::either(outcomes | kIsTrue, may_fail);
}

Seen OpenEvaluator::State::equal(const Seen& left, const Seen& right) {
  if (left.is(Form::kValue) && right.is(Form::kValue)) return truth(left.value == right.value);
  if ((kinds_of(left) & kinds_of(right)) == 0) return truth(false);
  if (left.is(Form::kPlace) && right.is(Form::kPlace) && left.place == right.place) return truth(true);
  for (const auto& [one, other] : {std::pair(&left, &right), std::pair(&right, &left)}) {
    if (!one->is(Form::kPlace) || !other->is(Form::kValue)) continue;
    if (one->place == kResource)
      return Seen::either(may_be_resource(other->value.as_entity()) ? kIsEither : kIsFalse);
    const OpenFact* fact = places_[one->place].fact;
    if (fact == nullptr) continue;
    const Value value = other->value;
    if (!fact->among.empty() && !contains(fact->among, value)) return truth(false);
    if (!fact->entity_type.empty() && value.is(Kind::kEntity) &&
        value.as_entity().type() != fact->entity_type)
      return truth(false);
    if (fact->at_least && (kind_set(value.kind()) & kOrdered) != 0 && ordinal(value) < *fact->at_least)
      return truth(false);
  }
  return Seen::either(kIsEither);
}

Seen OpenEvaluator::State::ordered(Op op, const Seen& left, const Seen& right) {
  const KindSet both = kinds_of(left) & kinds_of(right) & kOrdered;
  if (both == 0) return Seen::nothing();
  const auto compare = [&](std::int64_t a, std::int64_t b) { return op == Op::kLess ? a < b : a <= b; };
  if (left.is(Form::kValue) && right.is(Form::kValue))
    return truth(compare(ordinal(left.value), ordinal(right.value)));
  const bool one_kind = kinds_of(left) == kinds_of(right) && (both & (both - 1)) == 0;
  Seen out = Seen::either(kIsEither, !one_kind);
  const auto least = [&](const Seen& seen) -> std::optional<std::int64_t> {
    if (!seen.is(Form::kPlace) || places_[seen.place].fact == nullptr) return std::nullopt;
    return places_[seen.place].fact->at_least;
  };
  if (!one_kind) return out;
  if (const auto bound = least(left);
      bound && right.is(Form::kValue) && !compare(*bound, ordinal(right.value)))
    out.truth = kIsFalse;
  if (const auto bound = least(right); bound && left.is(Form::kValue) && compare(ordinal(left.value), *bound))
    out.truth = kIsTrue;
  return out;
}

Seen OpenEvaluator::State::arithmetic(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  std::vector<Value> values;
  bool may_fail = false;
  bool known = true;
  for (const NodeIndex operand : operands_of(plan_, at)) {
    const Seen each = evaluate(operand);
    if (each.is(Form::kNothing) || (kinds_of(each) & kind_set(Kind::kLong)) == 0) return Seen::nothing();
    may_fail = may_fail || each.may_fail;
    known = known && each.is(Form::kValue);
    values.push_back(each.value);
  }
  // What is unknown may overflow.
  if (!known) return Seen::any(kind_set(Kind::kLong), true);
  const std::int64_t a = values.size() == 1 ? 0 : values[0].as_long();
  const std::int64_t b = values.back().as_long();
  std::int64_t result = 0;
  const bool overflow = node.op == Op::kAdd        ? __builtin_add_overflow(a, b, &result)
                        : node.op == Op::kMultiply ? __builtin_mul_overflow(a, b, &result)
                                                   : __builtin_sub_overflow(a, b, &result);
  if (overflow) return Seen::nothing();
  Seen out = Seen::of(Value::integer(result));
  out.may_fail = may_fail;
  return out;
}

Seen OpenEvaluator::State::is_in(const Seen& left, const Seen& right) {
  const KindSet kinds = kinds_of(left);
  const KindSet groups = kinds_of(right);
  if ((kinds & kind_set(Kind::kEntity)) == 0 || (groups & kSetOrEntity) == 0) return Seen::nothing();
  if (left.is(Form::kValue) && right.is(Form::kValue)) {
    const EntityRef uid = left.value.as_entity();
    const auto below = [&](bool found, bool some) {
      return found || !some || !may_be_below_more(uid) ? truth(found) : Seen::either(kIsEither);
    };
    if (right.value.is(Kind::kEntity)) return below(in_any(uid, right.value.as_entity()), true);
    bool found = false;
    for (const Value each : right.value.as_set()) {
      if (!each.is(Kind::kEntity)) return Seen::nothing();
      found = found || in_any(uid, each.as_entity());
    }
    return below(found, right.value.as_set().size > 0);
  }
  const bool fails = kinds != kind_set(Kind::kEntity) || groups != kind_set(Kind::kEntity);
  Seen out = Seen::either(kIsEither, fails);
  if (!right.is(Form::kValue)) return out;
  out.may_fail = kinds != kind_set(Kind::kEntity);
  if (right.value.is(Kind::kSet)) {
    for (const Value each : right.value.as_set()) out.may_fail = out.may_fail || !each.is(Kind::kEntity);
    if (right.value.as_set().size == 0) out.truth = kIsFalse;
  }
  return out;
}

Seen OpenEvaluator::State::is_type(NodeIndex at, const Seen& operand) {
  const Node& node = plan_.nodes[at];
  const KindSet kinds = kinds_of(operand);
  if ((kinds & kind_set(Kind::kEntity)) == 0) return Seen::nothing();
  const std::string_view wanted = plan_.names[node.b]->view();
  std::uint8_t right_type = kIsEither;
  if (operand.is(Form::kValue)) {
    right_type = operand.value.as_entity().type() == wanted ? kIsTrue : kIsFalse;
  } else if (operand.is(Form::kPlace)) {
    std::string_view type;
    if (operand.place == kResource) type = world_->resource_type;
    if (const OpenFact* fact = places_[operand.place].fact) type = fact->entity_type;
    if (!type.empty()) right_type = type == wanted ? kIsTrue : kIsFalse;
  }
  Seen out = Seen::either(right_type, kinds != kind_set(Kind::kEntity));
  if (node.op == Op::kIs || right_type == kIsFalse) return out;
  // The group is looked at only when the type is right.
  const Seen group = evaluate(node.c);
  if (group.is(Form::kNothing)) {
    if (right_type == kIsTrue) return Seen::nothing();
    return Seen::either(kIsFalse, true);
  }
  Seen inner = is_in(operand, group);
  if (inner.is(Form::kNothing)) return right_type == kIsTrue ? inner : Seen::either(kIsFalse, true);
  inner.may_fail = inner.may_fail || out.may_fail || group.may_fail;
  const std::uint8_t found = truth_of(inner) & kIsEither;
  return Seen::either(right_type == kIsTrue ? found : (found | kIsFalse), inner.may_fail);
}

Seen OpenEvaluator::State::set_operation(Op op, const Seen& left, const Seen& right) {
  const KindSet kinds = kinds_of(left);
  if ((kinds & kind_set(Kind::kSet)) == 0) return Seen::nothing();
  const bool of_sets = op != Op::kContains;
  if (of_sets && (kinds_of(right) & kind_set(Kind::kSet)) == 0) return Seen::nothing();
  if (left.is(Form::kValue) && right.is(Form::kValue)) {
    const SetNode& set = left.value.as_set();
    return truth(op == Op::kContains      ? set.contains(right.value)
                 : op == Op::kContainsAll ? set.contains_all(right.value.as_set())
                                          : set.contains_any(right.value.as_set()));
  }
  Seen out = Seen::either(
      kIsEither, kinds != kind_set(Kind::kSet) || (of_sets && kinds_of(right) != kind_set(Kind::kSet)));
  if (op == Op::kContains && left.is(Form::kValue) && right.is(Form::kPlace)) {
    bool some = false, all = true, any_type = false;
    const OpenFact* fact = places_[right.place].fact;
    for (const Value each : left.value.as_set()) {
      any_type = any_type || right.place != kResource ||
                 (each.is(Kind::kEntity) && may_be_resource(each.as_entity()));
      if (fact != nullptr && contains(fact->among, each)) some = true;
    }
    if (!any_type) out.truth = kIsFalse;
    if (fact != nullptr && !fact->among.empty()) {
      for (const Value each : fact->among) all = all && left.value.as_set().contains(each);
      out.truth = !some ? kIsFalse : all ? kIsTrue : kIsEither;
    }
    return out;
  }
  if (!left.is(Form::kPlace) || !right.is(Form::kValue)) return out;
  const OpenFact* fact = places_[left.place].fact;
  if (fact == nullptr) return out;
  const auto sure = [&](Value value) { return contains(fact->has_all, value); };
  const auto possible = [&](Value value) { return !fact->only_of || contains(*fact->only_of, value); };
  if (op == Op::kContains) {
    out.truth = sure(right.value) ? kIsTrue : possible(right.value) ? kIsEither : kIsFalse;
    return out;
  }
  if (!right.value.is(Kind::kSet)) return out;
  const SetNode& wanted = right.value.as_set();
  if (op == Op::kContainsAll) {
    if (std::all_of(wanted.begin(), wanted.end(), sure)) out.truth = kIsTrue;
    if (!std::all_of(wanted.begin(), wanted.end(), possible)) out.truth = kIsFalse;
  } else {
    if (std::any_of(wanted.begin(), wanted.end(), sure)) out.truth = kIsTrue;
    if (std::none_of(wanted.begin(), wanted.end(), possible)) out.truth = kIsFalse;
  }
  return out;
}

Seen OpenEvaluator::State::tag(Op op, const Seen& left, const Seen& right) {
  if ((kinds_of(left) & kind_set(Kind::kEntity)) == 0 || (kinds_of(right) & kind_set(Kind::kString)) == 0)
    return Seen::nothing();
  if (left.is(Form::kValue) && right.is(Form::kValue)) {
    const EntityRef uid = left.value.as_entity();
    const Entity* entity = entities_.find(uid);
    const Value* found = entity != nullptr ? entity->tags->find(right.value.as_text()) : nullptr;
    if (may_be_told(uid))
      return op == Op::kHasTag ? Seen::either(kIsEither) : Seen::any(OpenFact::kAnyKind, true);
    if (op == Op::kHasTag) return truth(found != nullptr);
    return found != nullptr ? Seen::of(*found) : Seen::nothing();
  }
  if (op == Op::kGetTag) return Seen::any(OpenFact::kAnyKind, true);
  return Seen::either(
      kIsEither, kinds_of(left) != kind_set(Kind::kEntity) || kinds_of(right) != kind_set(Kind::kString));
}

Seen OpenEvaluator::State::make_set_or_record(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  const Kind kind = node.op == Op::kSet ? Kind::kSet : Kind::kRecord;
  std::vector<Value> values;
  bool known = true, may_fail = false;
  for (const NodeIndex operand : operands_of(plan_, at)) {
    const Seen each = evaluate(operand);
    if (each.is(Form::kNothing)) return each;
    known = known && each.is(Form::kValue);
    may_fail = may_fail || each.may_fail;
    values.push_back(each.value);
  }
  if (!known) return Seen::any(kind_set(kind), may_fail);
  std::vector<TextField> fields;
  for (std::uint32_t i = 0; kind == Kind::kRecord && i < node.b; ++i)
    fields.push_back({plan_.names[node.c + i], values[i]});
  Seen out = Seen::of(kind == Kind::kSet ? make_set(arena_, std::span<const Value>(values))
                                         : make_record(arena_, std::span<const TextField>(fields)));
  out.may_fail = may_fail;
  return out;
}

Seen OpenEvaluator::State::call(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  std::vector<Value> values;
  bool known = true, may_fail = false, all_ips = true;
  for (const NodeIndex operand : operands_of(plan_, at)) {
    const Seen each = evaluate(operand);
    if (each.is(Form::kNothing)) return each;
    known = known && each.is(Form::kValue);
    may_fail = may_fail || each.may_fail;
    all_ips = all_ips && kinds_of(each) == kind_set(Kind::kIp);
    values.push_back(each.value);
  }
  const auto function = static_cast<ExtFunction>(node.c);
  if (!known) {
    // Asking addresses about each other cannot fail.
    const bool asks = function == ExtFunction::kIsIpv4 || function == ExtFunction::kIsIpv6 ||
                      function == ExtFunction::kIsLoopback || function == ExtFunction::kIsMulticast ||
                      function == ExtFunction::kIsInRange;
    const std::size_t wanted = function == ExtFunction::kIsInRange ? 2 : 1;
    if (asks && all_ips && values.size() == wanted) return Seen::either(kIsEither, may_fail);
    return Seen::any(OpenFact::kAnyKind, true);
  }
  Value result = Value::boolean(false);
  EvalFailure failure{EvalErrorKind::kType, 0, result};
  if (!call_extension(function, values, arena_, result, failure)) return Seen::nothing();
  Seen out = Seen::of(result);
  out.may_fail = may_fail;
  return out;
}

}  // namespace writ::cedar
