// Machine: evaluates the conditions of a compiled policy set for one request. Private to the cedar module;
// cedar/authorize.h is what others use.
//
// Evaluation is strict from left to right where Cedar says so, stops at the first failure, and allocates only
// from the arena of its Evaluation. Its recursion is as deep as an expression is nested, which the compiler
// limits.
#pragma once

#include <array>
#include <cstdint>

#include "cedar/entities.h"
#include "cedar/eval_error.h"
#include "cedar/plan/plan.h"
#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::cedar {

inline constexpr KindSet kRecordOrEntity = kind_set(Kind::kRecord) | kind_set(Kind::kEntity);
inline constexpr KindSet kSetOrEntity = kind_set(Kind::kSet) | kind_set(Kind::kEntity);
inline constexpr KindSet kOrdered =
    kind_set(Kind::kLong) | kind_set(Kind::kDatetime) | kind_set(Kind::kDuration);

// Of a value of an ordered kind; compared with another of the same kind.
inline std::int64_t ordinal(Value value) noexcept {
  if (value.is(Kind::kLong)) return value.as_long();
  return value.is(Kind::kDatetime) ? value.as_datetime().epoch_ms : value.as_duration().ms;
}

enum class Truth : std::uint8_t { kFalse, kTrue, kFailed };

class Machine {
 public:
  // Everything is borrowed. The context is a record.
  Machine(const Plan& plan, const RequestScope& request, Value context, const EntityView& entities,
          Arena& arena)
      : plan_(plan),
        request_(request),
        variables_{Value::entity(request[0].uid), Value::entity(request[1].uid),
                   Value::entity(request[2].uid), context},
        entities_(entities),
        arena_(arena) {}

  // Evaluates an expression that must be a boolean.
  Truth test(NodeIndex node);
  // Evaluates any expression; answers false when it fails.
  bool evaluate(NodeIndex at, Value& out) {
    // Most operands are a variable or a constant, and need no call.
    const Node& node = plan_.nodes[at];
    if (node.op > Op::kContext) return evaluate_inner(at, out);
    out = node.op == Op::kConstant ? plan_.constants[node.a] : variable(node.op);
    return true;
  }

  // What a value has by way of attributes: those of a record or an entity; null for another kind, none for an
  // entity that nobody knows.
  const RecordNode* attributes(Value value) const { return attributes_of(value); }

  // After a failure: what went wrong, and at which node.
  const EvalFailure& failure() const noexcept { return failure_; }
  NodeIndex failed_at() const noexcept { return failed_at_; }

 private:
  Value variable(Op op) const noexcept {
    return variables_[static_cast<std::size_t>(op) - static_cast<std::size_t>(Op::kPrincipal)];
  }
  bool evaluate_inner(NodeIndex node, Value& out);
  bool fail(NodeIndex node, EvalErrorKind kind, Value seen, KindSet expected = 0);
  bool expect(NodeIndex node, Value value, Kind kind);
  const Entity* entity_of(EntityRef uid) const;
  // The attributes of a record or entity; null for another kind. Those of an unknown entity are empty.
  const RecordNode* attributes_of(Value value) const;

  bool attribute(NodeIndex node, Value& out);
  bool has(const Node& node, Value& out);
  bool has_path(const Node& node, Value& out);
  bool compare_order(const Node& node, Value& out);
  bool arithmetic(NodeIndex at, Value& out);
  bool is_in(const Node& node, Value& out);
  bool is_type_in(const Node& node, Value& out);
  bool in_any(EntityRef uid, NodeIndex group, Value& out);
  bool set_operation(const Node& node, Value& out);
  bool tag(NodeIndex at, Value& out);
  bool make_set_of(const Node& node, Value& out);
  bool make_record_of(const Node& node, Value& out);
  bool call(NodeIndex at, Value& out);
  bool evaluate_all(const Node& node, Value* values);

  const Plan& plan_;
  const RequestScope& request_;
  std::array<Value, 4> variables_;
  const EntityView& entities_;
  Arena& arena_;
  EvalFailure failure_{EvalErrorKind::kType, 0, Value::boolean(false)};
  NodeIndex failed_at_ = kNoNode;
};

}  // namespace writ::cedar
