#include "cedar/authorize/open_search.h"

#include <algorithm>

#include "cedar/plan/expression.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kMaxCandidates = 32;

void add(std::vector<Value>& values, Value value) {
  if (values.size() < kMaxCandidates && std::ranges::find(values, value) == values.end())
    values.push_back(value);
}

}  // namespace

bool OpenEvaluator::Search::reach(std::size_t goal) {
  if (goal == goals_.size()) return offer();
  const OpenGoal& wanted = goals_[goal];
  for (const PolicyIndex permit : wanted.any_of) {
    if (exhausted()) return false;
    state_.set_principal(wanted.principal);
    if ((state_.scopes(permit) & kIsTrue) == 0) continue;
    const std::size_t before = state_.mark();
    const NodeIndex condition = state_.plan().conditions[permit];
    const Next next = [&] { return avoid(goal, 0); };
    if (condition == kNoNode ? next() : satisfy(wanted.principal, condition, true, next)) return true;
    state_.undo(before);
  }
  return false;
}

bool OpenEvaluator::Search::avoid(std::size_t goal, std::size_t forbid) {
  const OpenGoal& wanted = goals_[goal];
  if (forbid == wanted.none_of.size()) return reach(goal + 1);
  state_.set_principal(wanted.principal);
  const PolicyIndex policy = wanted.none_of[forbid];
  if (state_.scopes(policy) == kIsFalse) return avoid(goal, forbid + 1);
  const NodeIndex condition = state_.plan().conditions[policy];
  if (condition == kNoNode) return false;
  return satisfy(wanted.principal, condition, false, [&] { return avoid(goal, forbid + 1); });
}

bool OpenEvaluator::Search::offer() {
  if (exhausted()) return false;
  ++visits_;
  std::vector<OpenBinding> bindings;
  for (const PlaceIndex at : state_.changed()) {
    const State::Place& place = state_.place(at);
    bindings.push_back({state_.path_of(at), place.value, place.presence == Presence::kAbsent});
  }
  return visit_(bindings);
}

bool OpenEvaluator::Search::satisfy(EntityRef who, NodeIndex at, bool wanted, const Next& next) {
  ++steps_;
  if (exhausted()) return false;
  state_.set_principal(who);
  const std::uint8_t outcomes = state_.test(at);
  const std::uint8_t bit = wanted ? kIsTrue : kIsFalse;
  if (outcomes == bit) return next();
  if ((outcomes & bit) == 0) return false;
  const Node& node = state_.plan().nodes[at];
  const std::size_t before = state_.mark();
  const auto undone = [&] {
    state_.undo(before);
    state_.set_principal(who);
    return false;
  };
  switch (node.op) {
    case Op::kAnd:
    case Op::kOr: {
      const bool conjunction = node.op == Op::kAnd;
      const auto operands = operands_of(state_.plan(), at);
      const std::span<const NodeIndex> span(operands);
      if (wanted == conjunction) return all(who, span, wanted, next) || undone();
      // One comes out as wanted, those before it do not.
      for (std::size_t i = 0; i < operands.size(); ++i) {
        const Next then = [&] { return satisfy(who, operands[i], wanted, next); };
        if (all(who, span.first(i), conjunction, then)) return true;
        undone();
      }
      return false;
    }
    case Op::kNot:
      return satisfy(who, node.a, !wanted, next) || undone();
    case Op::kIf:
      for (const bool way : {true, false}) {
        const NodeIndex part = way ? node.b : node.c;
        if (satisfy(who, node.a, way, [&] { return satisfy(who, part, wanted, next); })) return true;
        undone();
      }
      return false;
    default:
      return leaf(who, at, wanted, next) || undone();
  }
}

bool OpenEvaluator::Search::all(EntityRef who, std::span<const NodeIndex> operands, bool wanted,
                                const Next& next) {
  if (operands.empty()) return next();
  return satisfy(who, operands.front(), wanted, [&] { return all(who, operands.subspan(1), wanted, next); });
}

bool OpenEvaluator::Search::presence(EntityRef who, NodeIndex at, bool wanted, const Next& next,
                                     PlaceIndex place, Presence as) {
  const std::size_t before = state_.mark();
  state_.set_presence(place, as);
  if (satisfy(who, at, wanted, next)) return true;
  state_.undo(before);
  return false;
}

// The first part of a path that `has` asks about and that may be there or not.
PlaceIndex OpenEvaluator::Search::open_path(NodeIndex at) {
  const Node& node = state_.plan().nodes[at];
  Seen base = state_.evaluate(node.a);
  const std::uint32_t first = node.op == Op::kHas ? node.b : node.c;
  const std::uint32_t count = node.op == Op::kHas ? 1 : node.b;
  PlaceIndex at_place = state_.container_of(base);
  for (std::uint32_t i = first; i != first + count; ++i) {
    if (at_place == kNoPlace) return kNoPlace;
    at_place = state_.child(at_place, state_.plan().names[i]);
    if (state_.place(at_place).presence == Presence::kMaybe) return at_place;
    const auto& value = state_.place(at_place).value;
    if (value) at_place = state_.container_of(Seen::of(*value));
  }
  return kNoPlace;
}

PlaceIndex OpenEvaluator::Search::first_open(NodeIndex at) {
  for (const NodeIndex operand : operands_of(state_.plan(), at)) {
    if (const PlaceIndex found = first_open(operand); found != kNoPlace) return found;
  }
  const Op op = state_.plan().nodes[at].op;
  if (op == Op::kHas || op == Op::kHasPath) return open_path(at);
  const Seen seen = state_.evaluate(at);
  if (seen.is(Seen::Form::kPlace) && !state_.is_container(seen.place)) return seen.place;
  const bool maybe = seen.place != kNoPlace && state_.place(seen.place).presence == Presence::kMaybe;
  return maybe ? seen.place : kNoPlace;
}

bool OpenEvaluator::Search::leaf(EntityRef who, NodeIndex at, bool wanted, const Next& next) {
  const PlaceIndex place = first_open(at);
  if (place == kNoPlace) return false;
  const Op op = state_.plan().nodes[at].op;
  const bool asks = op == Op::kHas || op == Op::kHasPath;
  const bool maybe = state_.place(place).presence == Presence::kMaybe;
  const bool known = state_.place(place).value.has_value() || state_.is_container(place);
  if (asks && maybe && open_path(at) == place)
    return presence(who, at, wanted, next, place, wanted ? Presence::kThere : Presence::kAbsent);
  if (known) return maybe && presence(who, at, wanted, next, place, Presence::kThere);
  for (const Value value : candidates(place, at)) {
    if (exhausted()) return false;
    const std::size_t before = state_.mark();
    state_.bind(place, value);
    if (satisfy(who, at, wanted, next)) return true;
    state_.undo(before);
    state_.set_principal(who);
  }
  return false;
}

void OpenEvaluator::Search::collect(NodeIndex at, std::vector<Value>& found) {
  const Seen seen = state_.evaluate(at);
  if (seen.is(Seen::Form::kValue)) found.push_back(seen.value);
  if (seen.is(Seen::Form::kPlace)) {
    if (const OpenFact* fact = state_.place(seen.place).fact)
      found.insert(found.end(), fact->among.begin(), fact->among.end());
  }
  for (const NodeIndex operand : operands_of(state_.plan(), at)) collect(operand, found);
}

bool OpenEvaluator::Search::fits(PlaceIndex place, Value value) const {
  if ((state_.kinds_of(place) & kind_set(value.kind())) == 0) return false;
  if (place == State::kResource)
    return state_.world().resource_type.empty() || value.as_entity().type() == state_.world().resource_type;
  const OpenFact* fact = state_.place(place).fact;
  if (fact == nullptr) return true;
  if (!fact->among.empty() && std::ranges::find(fact->among, value) == fact->among.end()) return false;
  if (!fact->entity_type.empty() && value.is(Kind::kEntity) && value.as_entity().type() != fact->entity_type)
    return false;
  if (fact->at_least) {
    if (value.is(Kind::kLong) && value.as_long() < *fact->at_least) return false;
    if (value.is(Kind::kDatetime) && value.as_datetime().epoch_ms < *fact->at_least) return false;
  }
  if (!value.is(Kind::kSet)) return true;
  for (const Value each : fact->has_all) {
    if (!value.as_set().contains(each)) return false;
  }
  for (const Value each : value.as_set()) {
    if (fact->only_of && std::ranges::find(*fact->only_of, each) == fact->only_of->end()) return false;
  }
  return true;
}

// The likeliest first: what stands beside it, then what is near to that, then anything.
std::vector<Value> OpenEvaluator::Search::candidates(PlaceIndex place, NodeIndex at) {
  Arena& arena = state_.arena();
  const Plan& plan = state_.plan();
  const OpenFact* fact = state_.place(place).fact;
  std::vector<Value> beside, all;
  collect(at, beside);
  const auto put = [&](Value value) {
    if (fits(place, value)) add(all, value);
  };
  for (const Value value : beside) put(value);
  for (const EntityRef each : parties_) put(Value::entity(each));
  // A set that has what it must, and more.
  std::vector<Value> base = fact != nullptr ? fact->has_all : std::vector<Value>();
  const auto with = [&](std::span<const Value> more) {
    std::vector<Value> elements = base;
    elements.insert(elements.end(), more.begin(), more.end());
    put(make_set(arena, std::span<const Value>(elements)));
  };
  for (const Value value : beside) {
    switch (value.kind()) {
      case Kind::kSet:
        for (const Value each : value.as_set()) put(each);
        with(std::vector<Value>(value.as_set().begin(), value.as_set().end()));
        break;
      case Kind::kLong:
        for (const std::int64_t by : {-1, 1}) {
          std::int64_t near = 0;
          if (!__builtin_add_overflow(value.as_long(), by, &near)) put(Value::integer(near));
        }
        break;
      case Kind::kDatetime:
        for (const std::int64_t by : {-1000, 1000}) put(Value::datetime({value.as_datetime().epoch_ms + by}));
        break;
      case Kind::kDecimal:
        for (const std::int64_t by : {-1, 1}) put(Value::decimal({value.as_decimal().ten_thousandths + by}));
        break;
      case Kind::kString:
        put(make_string(arena, std::string(value.as_string()) + "-other"));
        break;
      case Kind::kBool:
        put(Value::boolean(!value.as_bool()));
        break;
      default:
        break;
    }
    with({&value, 1});
  }
  if (plan.nodes[at].op == Op::kLike) {
    for (const std::string_view between : {"", "x"}) {
      std::string text;
      const auto& pieces = plan.patterns[plan.nodes[at].b].pieces;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (i > 0) text += between;
        text += pieces[i];
      }
      put(make_string(arena, text));
    }
  }
  if (fact != nullptr) {
    for (const Value value : fact->among) put(value);
    if (fact->at_least) put(Value::datetime({*fact->at_least}));
    if (fact->at_least) put(Value::integer(*fact->at_least));
  }
  with({});
  put(Value::boolean(true));
  put(Value::boolean(false));
  put(make_string(arena, "any"));
  put(Value::integer(0));
  put(Value::datetime({0}));
  if (const auto ip = Ip::parse("192.0.2.1")) put(make_ip(arena, *ip));
  return all;
}

}  // namespace writ::cedar
