#include "cedar/plan/evaluate.h"

#include <algorithm>

#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

bool is_ordered(Kind kind) noexcept {
  return (kOrdered & kind_set(kind)) != 0;
}

}  // namespace

bool LikePattern::matches(std::string_view text) const noexcept {
  const std::string& first = pieces.front();
  if (pieces.size() == 1) return text == first;
  const std::string& last = pieces.back();
  if (text.size() < first.size() + last.size() || !text.starts_with(first) || !text.ends_with(last))
    return false;
  text = text.substr(first.size(), text.size() - first.size() - last.size());
  // Each inner piece at its earliest place leaves the most room for the next.
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
    const std::size_t at = text.find(pieces[i]);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + pieces[i].size());
  }
  return true;
}

bool Machine::fail(NodeIndex node, EvalErrorKind kind, Value seen, KindSet expected) {
  failure_ = {kind, expected, seen};
  failed_at_ = node;
  return false;
}

bool Machine::expect(NodeIndex node, Value value, Kind kind) {
  return value.is(kind) || fail(node, EvalErrorKind::kType, value, kind_set(kind));
}

const Entity* Machine::entity_of(EntityRef uid) const {
  for (const ScopeSubject& subject : request_) {
    if (subject.uid.raw() == uid.raw()) return subject.entity;
  }
  return entities_.find(uid);
}

Truth Machine::test(NodeIndex at) {
  const Node& node = plan_.nodes[at];
  switch (node.op) {
    case Op::kAnd:
    case Op::kOr: {
      const Truth decisive = node.op == Op::kAnd ? Truth::kFalse : Truth::kTrue;
      Truth truth = decisive;
      for (std::uint32_t i = node.a; i != node.a + node.b; ++i) {
        truth = test(plan_.operands[i]);
        if (truth == decisive || truth == Truth::kFailed) break;
      }
      return truth;
    }
    case Op::kNot: {
      const Truth truth = test(node.a);
      if (truth == Truth::kFailed) return truth;
      return truth == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
    }
    case Op::kIf: {
      const Truth truth = test(node.a);
      if (truth == Truth::kFailed) return truth;
      return test(truth == Truth::kTrue ? node.b : node.c);
    }
    default:
      break;
  }
  Value value = Value::boolean(false);
  if (!evaluate(at, value) || !expect(at, value, Kind::kBool)) return Truth::kFailed;
  return value.as_bool() ? Truth::kTrue : Truth::kFalse;
}

bool Machine::evaluate_inner(NodeIndex at, Value& out) {
  const Node& node = plan_.nodes[at];
  switch (node.op) {
    case Op::kConstant:
    case Op::kPrincipal:
    case Op::kAction:
    case Op::kResource:
    case Op::kContext:
      return evaluate(at, out);
    case Op::kAttribute:
      return attribute(at, out);
    case Op::kHas:
      return has(node, out);
    case Op::kHasPath:
      return has_path(node, out);
    case Op::kAnd:
    case Op::kOr:
    case Op::kNot: {
      const Truth truth = test(at);
      out = Value::boolean(truth == Truth::kTrue);
      return truth != Truth::kFailed;
    }
    case Op::kIf: {
      const Truth truth = test(node.a);
      if (truth == Truth::kFailed) return false;
      return evaluate(truth == Truth::kTrue ? node.b : node.c, out);
    }
    case Op::kEqual: {
      Value left = out;
      if (!evaluate(node.a, left) || !evaluate(node.b, out)) return false;
      out = Value::boolean(left == out);
      return true;
    }
    case Op::kLess:
    case Op::kLessOrEqual:
      return compare_order(node, out);
    case Op::kNegate:
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
      return arithmetic(at, out);
    case Op::kIn:
      return is_in(node, out);
    case Op::kIsEmpty:
      if (!evaluate(node.a, out) || !expect(node.a, out, Kind::kSet)) return false;
      out = Value::boolean(out.as_set().size == 0);
      return true;
    case Op::kContains:
    case Op::kContainsAll:
    case Op::kContainsAny:
      return set_operation(node, out);
    case Op::kHasTag:
    case Op::kGetTag:
      return tag(at, out);
    case Op::kLike:
      if (!evaluate(node.a, out) || !expect(node.a, out, Kind::kString)) return false;
      out = Value::boolean(plan_.patterns[node.b].matches(out.as_string()));
      return true;
    case Op::kIs:
      if (!evaluate(node.a, out) || !expect(node.a, out, Kind::kEntity)) return false;
      out = Value::boolean(same_text(out.as_entity().type_text(), plan_.names[node.b]));
      return true;
    case Op::kIsIn:
      return is_type_in(node, out);
    case Op::kSet:
      return make_set_of(node, out);
    case Op::kRecord:
      return make_record_of(node, out);
    case Op::kCall:
      return call(at, out);
  }
  return false;
}

bool Machine::attribute(NodeIndex at, Value& out) {
  const Node& node = plan_.nodes[at];
  Value base = out;
  if (!evaluate(node.a, base)) return false;
  const RecordNode* record = nullptr;
  if (base.is(Kind::kRecord)) {
    record = &base.as_record();
  } else if (base.is(Kind::kEntity)) {
    const Entity* entity = entity_of(base.as_entity());
    if (entity == nullptr) return fail(at, EvalErrorKind::kMissingEntity, base);
    record = entity->attributes;
  } else {
    return fail(node.a, EvalErrorKind::kType, base, kRecordOrEntity);
  }
  const Value* found = record->find(plan_.names[node.b]);
  if (found == nullptr) return fail(at, EvalErrorKind::kMissingAttribute, base);
  out = *found;
  return true;
}

const RecordNode* Machine::attributes_of(Value value) const {
  if (value.is(Kind::kRecord)) return &value.as_record();
  if (!value.is(Kind::kEntity)) return nullptr;
  const Entity* entity = entity_of(value.as_entity());
  return entity != nullptr ? entity->attributes : empty_record();
}

bool Machine::has(const Node& node, Value& out) {
  if (!evaluate(node.a, out)) return false;
  const RecordNode* attributes = attributes_of(out);
  if (attributes == nullptr) return fail(node.a, EvalErrorKind::kType, out, kRecordOrEntity);
  out = Value::boolean(attributes->find(plan_.names[node.b]) != nullptr);
  return true;
}

bool Machine::has_path(const Node& node, Value& out) {
  if (!evaluate(node.a, out)) return false;
  for (std::uint32_t i = node.c; i != node.c + node.b; ++i) {
    const RecordNode* attributes = attributes_of(out);
    if (attributes == nullptr) return fail(node.a, EvalErrorKind::kType, out, kRecordOrEntity);
    const Value* found = attributes->find(plan_.names[i]);
    if (found == nullptr) {
      out = Value::boolean(false);
      return true;
    }
    out = *found;
  }
  out = Value::boolean(true);
  return true;
}

bool Machine::compare_order(const Node& node, Value& out) {
  Value left = out;
  Value right = out;
  if (!evaluate(node.a, left) || !evaluate(node.b, right)) return false;
  if (left.kind() == right.kind() && is_ordered(left.kind())) {
    const std::int64_t a = ordinal(left);
    const std::int64_t b = ordinal(right);
    out = Value::boolean(node.op == Op::kLess ? a < b : a <= b);
    return true;
  }
  // An operand that can be ordered says what the other should have been; a long says it first.
  if (left.is(Kind::kLong)) return fail(node.b, EvalErrorKind::kType, right, kind_set(Kind::kLong));
  if (right.is(Kind::kLong)) return fail(node.a, EvalErrorKind::kType, left, kind_set(Kind::kLong));
  if (is_ordered(left.kind())) return fail(node.b, EvalErrorKind::kType, right, kind_set(left.kind()));
  if (is_ordered(right.kind())) return fail(node.a, EvalErrorKind::kType, left, kind_set(right.kind()));
  return fail(node.a, EvalErrorKind::kType, left, kOrdered);
}

bool Machine::arithmetic(NodeIndex at, Value& out) {
  const Node& node = plan_.nodes[at];
  Value left = Value::integer(0);
  Value right = left;
  if (node.op == Op::kNegate) {
    if (!evaluate(node.a, right) || !expect(node.a, right, Kind::kLong)) return false;
  } else {
    if (!evaluate(node.a, left) || !evaluate(node.b, right)) return false;
    if (!expect(node.a, left, Kind::kLong) || !expect(node.b, right, Kind::kLong)) return false;
  }
  const std::int64_t a = left.as_long();
  const std::int64_t b = right.as_long();
  std::int64_t result = 0;
  const bool overflow = node.op == Op::kAdd        ? __builtin_add_overflow(a, b, &result)
                        : node.op == Op::kMultiply ? __builtin_mul_overflow(a, b, &result)
                                                   : __builtin_sub_overflow(a, b, &result);
  if (overflow) return fail(at, EvalErrorKind::kOverflow, node.op == Op::kNegate ? right : left);
  out = Value::integer(result);
  return true;
}

bool Machine::is_in(const Node& node, Value& out) {
  Value left = out;
  if (!evaluate(node.a, left) || !evaluate(node.b, out)) return false;
  return expect(node.a, left, Kind::kEntity) && in_any(left.as_entity(), node.b, out);
}

bool Machine::is_type_in(const Node& node, Value& out) {
  Value left = out;
  if (!evaluate(node.a, left) || !expect(node.a, left, Kind::kEntity)) return false;
  if (!same_text(left.as_entity().type_text(), plan_.names[node.b])) {
    out = Value::boolean(false);
    return true;
  }
  return evaluate(node.c, out) && in_any(left.as_entity(), node.c, out);
}

// `out` is what `group` evaluated to: an entity, or a set of them.
bool Machine::in_any(EntityRef uid, NodeIndex group, Value& out) {
  const ScopeSubject subject{uid, entity_of(uid)};
  if (out.is(Kind::kEntity)) {
    out = Value::boolean(subject.is_in(out.as_entity()));
    return true;
  }
  if (!out.is(Kind::kSet)) return fail(group, EvalErrorKind::kType, out, kSetOrEntity);
  // Every element has to be an entity, also those behind the first match.
  bool found = false;
  for (const Value element : out.as_set()) {
    if (!expect(group, element, Kind::kEntity)) return false;
    found = found || subject.is_in(element.as_entity());
  }
  out = Value::boolean(found);
  return true;
}

bool Machine::set_operation(const Node& node, Value& out) {
  Value left = out;
  Value right = out;
  if (!evaluate(node.a, left) || !evaluate(node.b, right)) return false;
  if (!expect(node.a, left, Kind::kSet)) return false;
  const SetNode& set = left.as_set();
  if (node.op == Op::kContains) {
    out = Value::boolean(set.contains(right));
    return true;
  }
  if (!expect(node.b, right, Kind::kSet)) return false;
  out = Value::boolean(node.op == Op::kContainsAll ? set.contains_all(right.as_set())
                                                   : set.contains_any(right.as_set()));
  return true;
}

bool Machine::tag(NodeIndex at, Value& out) {
  const Node& node = plan_.nodes[at];
  Value left = out;
  Value right = out;
  if (!evaluate(node.a, left) || !evaluate(node.b, right)) return false;
  if (!expect(node.a, left, Kind::kEntity) || !expect(node.b, right, Kind::kString)) return false;
  const Entity* entity = entity_of(left.as_entity());
  const Value* found = entity != nullptr ? entity->tags->find(right.as_text()) : nullptr;
  if (node.op == Op::kHasTag) {
    out = Value::boolean(found != nullptr);
    return true;
  }
  if (entity == nullptr) return fail(at, EvalErrorKind::kMissingEntity, left);
  if (found == nullptr) return fail(at, EvalErrorKind::kMissingTag, left);
  out = *found;
  return true;
}

bool Machine::evaluate_all(const Node& node, Value* values) {
  for (std::uint32_t i = 0; i < node.b; ++i) {
    values[i] = Value::boolean(false);
    if (!evaluate(plan_.operands[node.a + i], values[i])) return false;
  }
  return true;
}

bool Machine::make_set_of(const Node& node, Value& out) {
  auto* values = arena_.allocate_array<Value>(node.b);
  if (!evaluate_all(node, values)) return false;
  out = make_set(arena_, std::span<const Value>(values, node.b));
  return true;
}

bool Machine::make_record_of(const Node& node, Value& out) {
  auto* values = arena_.allocate_array<Value>(node.b);
  if (!evaluate_all(node, values)) return false;
  auto* fields = arena_.allocate_array<TextField>(node.b);
  for (std::uint32_t i = 0; i < node.b; ++i) {
    std::construct_at(fields + i, TextField{plan_.names[node.c + i], values[i]});
  }
  out = make_record(arena_, std::span<const TextField>(fields, node.b));
  return true;
}

bool Machine::call(NodeIndex at, Value& out) {
  const Node& node = plan_.nodes[at];
  auto* values = arena_.allocate_array<Value>(node.b);
  if (!evaluate_all(node, values)) return false;
  failed_at_ = at;
  return call_extension(static_cast<ExtFunction>(node.c), {values, node.b}, arena_, out, failure_);
}

}  // namespace writ::cedar
