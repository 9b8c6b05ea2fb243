#include "cedar/change.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "cedar/plan/expression.h"
#include "cedar/plan/plan.h"
#include "cedar/print.h"

namespace writ::cedar {
namespace {

using Path = std::vector<std::string>;

class Collector {
 public:
  Collector(Arena& arena, const Plan& plan, std::size_t limit) : arena_(arena), plan_(plan), limit_(limit) {}

  void collect(NodeIndex at) {
    const Node& node = plan_.nodes[at];
    switch (node.op) {
      case Op::kEqual:
        compare(node.a, node.b, [&](const Path& path, Value value) { set(path, value); });
        break;
      case Op::kLess:
      case Op::kLessOrEqual:
        compare(node.a, node.b, [&](const Path& path, Value value) { around(path, value); });
        break;
      case Op::kIn:
        compare(node.a, node.b, [&](const Path& path, Value value) {
          if (value.is(Kind::kEntity)) set(path, value);
        });
        break;
      case Op::kContains:
        contains(node);
        break;
      case Op::kHas:
      case Op::kHasPath:
        presence(at);
        break;
      case Op::kAttribute:
        // As a condition of its own it is a boolean.
        if (const auto path = context_path(at)) {
          set(*path, Value::boolean(true));
          set(*path, Value::boolean(false));
        }
        break;
      case Op::kAnd:
      case Op::kOr:
      case Op::kNot:
      case Op::kIf:
        for (const NodeIndex operand : operands_of(plan_, at)) collect(operand);
        break;
      default:
        break;
    }
  }

  std::vector<ContextChange> take() && { return std::move(changes_); }

 private:
  // `context.a.b` as {a, b}.
  std::optional<Path> context_path(NodeIndex at) const {
    const Node& node = plan_.nodes[at];
    if (node.op == Op::kContext) return Path();
    if (node.op != Op::kAttribute) return std::nullopt;
    auto path = context_path(node.a);
    if (path) path->emplace_back(plan_.names[node.b]->view());
    return path;
  }

  template <class Use>
  void compare(NodeIndex left, NodeIndex right, Use use) {
    for (const auto& [path_at, value_at] : {std::pair(left, right), std::pair(right, left)}) {
      const auto path = context_path(path_at);
      if (!path || path->empty() || plan_.nodes[value_at].op != Op::kConstant) continue;
      use(*path, plan_.constants[plan_.nodes[value_at].a]);
    }
  }

  void contains(const Node& node) {
    if (const auto path = context_path(node.b);
        path && !path->empty() && plan_.nodes[node.a].op == Op::kConstant) {
      const Value set_value = plan_.constants[plan_.nodes[node.a].a];
      if (!set_value.is(Kind::kSet)) return;
      for (const Value element : set_value.as_set()) set(*path, element);
    }
    if (const auto path = context_path(node.a);
        path && !path->empty() && plan_.nodes[node.b].op == Op::kConstant) {
      const Value element = plan_.constants[plan_.nodes[node.b].a];
      set(*path, make_set(arena_, {element}));
      set(*path, make_set(arena_, {}));
    }
  }

  void presence(NodeIndex at) {
    const Node& node = plan_.nodes[at];
    auto path = context_path(node.a);
    if (!path) return;
    const std::uint32_t first = node.op == Op::kHas ? node.b : node.c;
    for (std::uint32_t i = 0; i < (node.op == Op::kHas ? 1 : node.b); ++i)
      path->emplace_back(plan_.names[first + i]->view());
    add({.path = *path, .remove = true});
    // What may be there, the conditions that read it say.
    add({.path = *path, .any = true});
  }

  // A value on either side of a bound, and the bound itself.
  void around(const Path& path, Value bound) {
    set(path, bound);
    for (const std::int64_t step : {-1, 1}) {
      if (bound.is(Kind::kLong)) {
        std::int64_t moved = 0;
        if (!__builtin_add_overflow(bound.as_long(), step, &moved)) set(path, Value::integer(moved));
      } else if (bound.is(Kind::kDatetime)) {
        std::int64_t moved = 0;
        if (!__builtin_add_overflow(bound.as_datetime().epoch_ms, step, &moved))
          set(path, Value::datetime({moved}));
      } else if (bound.is(Kind::kDuration)) {
        std::int64_t moved = 0;
        if (!__builtin_add_overflow(bound.as_duration().ms, step, &moved))
          set(path, Value::duration({moved}));
      }
    }
  }

  void set(const Path& path, Value value) { add({.path = path, .value = copy_value(arena_, value)}); }

  void add(ContextChange change) {
    const auto same = [&](const ContextChange& other) {
      return other.path == change.path && other.remove == change.remove && other.any == change.any &&
             other.value == change.value;
    };
    if (changes_.size() < limit_ && std::ranges::none_of(changes_, same))
      changes_.push_back(std::move(change));
  }

  Arena& arena_;
  const Plan& plan_;
  const std::size_t limit_;
  std::vector<ContextChange> changes_;
};

Value changed(Arena& arena, Value record, std::span<const std::string> path, const ContextChange& change) {
  std::vector<TextField> fields;
  const RecordNode* old = record.is(Kind::kRecord) ? &record.as_record() : empty_record();
  std::optional<Value> below;
  for (const RecordNode::Field& field : *old) {
    if (field.name->view() == path.front()) {
      below = field.value;
    } else {
      fields.push_back(field);
    }
  }
  if (path.size() > 1) {
    const Value inner = below.value_or(Value::record(empty_record()));
    fields.push_back({arena.text(path.front()), changed(arena, inner, path.subspan(1), change)});
  } else if (!change.remove) {
    fields.push_back({arena.text(path.front()), change.value});
  }
  return make_record(arena, std::span<const TextField>(fields));
}

}  // namespace

std::string ContextChange::path_text() const {
  Expr text{ExprKind::kVariable, {}};
  text.integer = static_cast<std::int64_t>(Variable::kContext);
  for (const std::string& step : path) {
    Expr access{ExprKind::kAttribute, {}};
    access.text = step;
    access.operands.push_back(std::move(text));
    text = std::move(access);
  }
  return print_expression(text);
}

std::vector<ContextChange> candidate_changes(Arena& arena, const CompiledPolicySet& policies,
                                             const Request& request, const EntityView& entities,
                                             std::size_t limit) {
  const Plan& plan = policies.plan();
  const RequestScope scope{{{request.principal, entities.find(request.principal)},
                            {request.action, entities.find(request.action)},
                            {request.resource, entities.find(request.resource)}}};
  Collector collector(arena, plan, limit);
  for (PolicyIndex policy = 0; policy < policies.size(); ++policy) {
    if (plan.conditions[policy] != kNoNode && plan.scopes[policy].matches(scope))
      collector.collect(plan.conditions[policy]);
  }
  return std::move(collector).take();
}

Value changed_context(Arena& arena, Value context, std::span<const ContextChange* const> changes) {
  for (const ContextChange* change : changes) context = changed(arena, context, change->path, *change);
  return context;
}

}  // namespace writ::cedar
