#include "cedar/plan/plan_builder.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <utility>

#include "cedar/plan/evaluate.h"

namespace writ::cedar {
namespace {

// Where a piece of the plan that must be found again is kept.
template <class Key>
std::pair<std::uint32_t, bool> place_of(std::unordered_map<Key, std::uint32_t>& known, Key key,
                                        std::size_t next) {
  const auto [at, added] = known.emplace(key, static_cast<std::uint32_t>(next));
  return {at->second, added};
}

bool has_two_operands(Op op) noexcept {
  return op >= Op::kEqual && op <= Op::kGetTag;
}

}  // namespace

PlanBuilder::PlanBuilder() : plan_(std::make_unique<Plan>()) {}

NodeIndex PlanBuilder::add(Node node) {
  plan_->nodes.push_back(node);
  plan_->ranges.push_back(range_);
  depths_.push_back(depth_of(node));
  deepest_ = std::max(deepest_, depths_.back());
  return static_cast<NodeIndex>(plan_->nodes.size() - 1);
}

std::uint32_t PlanBuilder::depth_of(const Node& node) const {
  std::uint32_t below = 0;
  if (has_operand_list(node.op)) {
    for (std::uint32_t i = node.a; i != node.a + node.b; ++i)
      below = std::max(below, depths_[plan_->operands[i]]);
    return below + 1;
  }
  switch (node.op) {
    case Op::kConstant:
    case Op::kPrincipal:
    case Op::kAction:
    case Op::kResource:
    case Op::kContext:
      return 1;
    case Op::kIf:
      below = std::max(depths_[node.b], depths_[node.c]);
      break;
    case Op::kIsIn:
      below = depths_[node.c];
      break;
    default:
      if (has_two_operands(node.op)) below = depths_[node.b];
  }
  return std::max(below, depths_[node.a]) + 1;
}

std::uint32_t PlanBuilder::add_operands(std::span<const NodeIndex> operands) {
  const auto first = static_cast<std::uint32_t>(plan_->operands.size());
  plan_->operands.insert(plan_->operands.end(), operands.begin(), operands.end());
  return first;
}

std::uint32_t PlanBuilder::name(std::string_view text) {
  const Text* symbol = plan_->arena.text(text);
  const auto [place, added] = place_of(names_, symbol, plan_->names.size());
  if (added) plan_->names.push_back(symbol);
  return place;
}

NodeIndex PlanBuilder::constant(Value value) {
  const std::size_t next = plan_->constants.size();
  std::pair<std::uint32_t, bool> place{static_cast<std::uint32_t>(next), true};
  if (value.is(Kind::kString))
    place = place_of(string_constants_, plan_->arena.text(value.as_string()), next);
  if (value.is(Kind::kEntity))
    place = place_of(entity_constants_, plan_->arena.entity(value.as_entity()).raw(), next);
  if (place.second) plan_->constants.push_back(copy_value(plan_->arena, value));
  return add({.op = Op::kConstant, .a = place.first});
}

NodeIndex PlanBuilder::variable(Op op) {
  return add({.op = op});
}

NodeIndex PlanBuilder::unary(Op op, NodeIndex operand) {
  return fold(add({.op = op, .a = operand}));
}

NodeIndex PlanBuilder::binary(Op op, NodeIndex left, NodeIndex right) {
  return fold(add({.op = op, .a = left, .b = right}));
}

NodeIndex PlanBuilder::chain(Op op, std::span<const NodeIndex> operands) {
  const bool decisive = op == Op::kOr;
  std::vector<NodeIndex> joined;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Node& node = plan_->nodes[operands[i]];
    if (node.op == op) {
      // `(a && b) && c` stops at the same places as `a && b && c`, and so does `a && (b && c)`.
      const auto first = plan_->operands.begin() + node.a;
      joined.insert(joined.end(), first, first + node.b);
      continue;
    }
    // A neutral constant says nothing, unless it is the last and so the result.
    const bool boolean = is_constant(operands[i]) && constant_of(operands[i]).is(Kind::kBool);
    if (boolean && constant_of(operands[i]).as_bool() != decisive &&
        (i + 1 < operands.size() || !joined.empty()))
      continue;
    joined.push_back(operands[i]);
    if (boolean && constant_of(operands[i]).as_bool() == decisive) break;
  }
  return fold(add({.op = op, .a = add_operands(joined), .b = static_cast<std::uint32_t>(joined.size())}));
}

NodeIndex PlanBuilder::condition(NodeIndex test, NodeIndex then, NodeIndex otherwise) {
  if (is_constant(test) && constant_of(test).is(Kind::kBool))
    return constant_of(test).as_bool() ? then : otherwise;
  return add({.op = Op::kIf, .a = test, .b = then, .c = otherwise});
}

NodeIndex PlanBuilder::named(Op op, NodeIndex operand, std::string_view text) {
  const NodeIndex at = add({.op = op, .a = operand, .b = name(text)});
  // What an entity has is not known before the request.
  const bool known = op == Op::kIs || (is_constant(operand) && !constant_of(operand).is(Kind::kEntity));
  return known ? fold(at) : at;
}

NodeIndex PlanBuilder::is_in(NodeIndex operand, std::string_view type, NodeIndex group) {
  return add({.op = Op::kIsIn, .a = operand, .b = name(type), .c = group});
}

NodeIndex PlanBuilder::has_path(NodeIndex operand, std::span<const std::string_view> path) {
  if (path.size() == 1) return named(Op::kHas, operand, path.front());
  const auto first = static_cast<std::uint32_t>(plan_->names.size());
  for (const std::string_view text : path) plan_->names.push_back(plan_->arena.text(text));
  return add({.op = Op::kHasPath, .a = operand, .b = static_cast<std::uint32_t>(path.size()), .c = first});
}

NodeIndex PlanBuilder::like(NodeIndex operand, LikePattern pattern) {
  plan_->patterns.push_back(std::move(pattern));
  return fold(
      add({.op = Op::kLike, .a = operand, .b = static_cast<std::uint32_t>(plan_->patterns.size() - 1)}));
}

NodeIndex PlanBuilder::set(std::span<const NodeIndex> elements) {
  return fold(
      add({.op = Op::kSet, .a = add_operands(elements), .b = static_cast<std::uint32_t>(elements.size())}));
}

NodeIndex PlanBuilder::record(std::span<const std::pair<std::string_view, NodeIndex>> fields) {
  // The names of a record lie side by side, so they are not shared.
  const auto first_name = static_cast<std::uint32_t>(plan_->names.size());
  std::vector<NodeIndex> values;
  for (const auto& [text, value] : fields) {
    plan_->names.push_back(plan_->arena.text(text));
    values.push_back(value);
  }
  return fold(add({.op = Op::kRecord,
                   .a = add_operands(values),
                   .b = static_cast<std::uint32_t>(values.size()),
                   .c = first_name}));
}

NodeIndex PlanBuilder::call(ExtFunction function, std::span<const NodeIndex> arguments) {
  return fold(add({.op = Op::kCall,
                   .a = add_operands(arguments),
                   .b = static_cast<std::uint32_t>(arguments.size()),
                   .c = static_cast<std::uint32_t>(function)}));
}

bool PlanBuilder::operands_are_constant(const Node& node) const {
  if (has_operand_list(node.op)) {
    const auto first = plan_->operands.begin() + node.a;
    return std::all_of(first, first + node.b, [this](NodeIndex at) { return is_constant(at); });
  }
  return is_constant(node.a) && (!has_two_operands(node.op) || is_constant(node.b));
}

NodeIndex PlanBuilder::fold(NodeIndex at) {
  const Node node = plan_->nodes[at];
  // The hierarchy and the tags are not known before the request.
  if (node.op == Op::kIn || node.op == Op::kHasTag || node.op == Op::kGetTag || !operands_are_constant(node))
    return at;
  scratch_.reset();
  const EntityRef nobody = scratch_.entity("", "");
  const RequestScope request{{{nobody, nullptr}, {nobody, nullptr}, {nobody, nullptr}}};
  const EntityView entities(*Entities::empty());
  Machine machine(*plan_, request, Value::record(empty_record()), entities, scratch_);
  Value value = Value::boolean(false);
  if (!machine.evaluate(at, value)) return at;
  drop(at, node);
  return constant(value);
}

// Takes back the last node and, as far as nothing else came between, the constants it is made of. A node has
// one parent, so nobody else needs them.
void PlanBuilder::drop(NodeIndex at, const Node& node) {
  if (at + 1 != plan_->nodes.size()) return;
  std::size_t children = has_two_operands(node.op) ? 2 : 1;
  if (has_operand_list(node.op)) {
    children = node.b;
    if (node.a + node.b == plan_->operands.size()) plan_->operands.resize(node.a);
  }
  std::size_t keep = at;
  while (children > 0 && keep > 0 && is_constant(static_cast<NodeIndex>(keep - 1))) {
    --keep;
    --children;
  }
  if (children > 0) keep = at;
  plan_->nodes.resize(keep);
  plan_->ranges.resize(keep);
  depths_.resize(keep);
}

const Uid* const* PlanBuilder::uid_list(std::span<const EntityRef> uids) {
  auto* list = plan_->arena.allocate_array<const Uid*>(uids.size());
  std::transform(uids.begin(), uids.end(), list,
                 [this](EntityRef uid) { return plan_->arena.entity(uid).raw(); });
  return list;
}

// Every node that is new is of this policy.
void PlanBuilder::note_asked_names(PolicyIndex policy) {
  const auto note = [&](std::uint32_t name, bool of_principal) {
    const auto text = plan_->names[name]->view();
    plan_->asked_names.push_back({text, policy, of_principal});
    if (!of_principal) plan_->asked_of_others.add(text);
  };
  for (; noted_ < plan_->nodes.size(); ++noted_) {
    const Node& node = plan_->nodes[noted_];
    if (node.op != Op::kHas && node.op != Op::kHasPath) continue;
    const Op of = plan_->nodes[node.a].op;
    const auto [first, count] = members_named(node);
    // The context is no entity, but what stands in it may be one.
    if (of != Op::kContext) note(first, of == Op::kPrincipal);
    for (std::uint32_t i = 1; i < count; ++i) note(first + i, false);
  }
}

void PlanBuilder::add_policy(PolicyFacts facts, bool forbids, PolicyScope scope, NodeIndex condition) {
  if (deepest_ > kMaxDepth && too_deep_.empty()) too_deep_ = fmt::format("policy `{}`", facts.id);
  note_asked_names(static_cast<PolicyIndex>(plan_->facts.size()));
  plan_->facts.push_back(std::move(facts));
  plan_->forbids.push_back(forbids);
  plan_->scopes.push_back(scope);
  plan_->conditions.push_back(condition);
}

Result<std::shared_ptr<const CompiledPolicySet>> PlanBuilder::finish() && {
  if (deepest_ > kMaxDepth) {
    return failure(ErrorCode::kLimit,
                   fmt::format("{}: an expression is nested more than {} deep", too_deep_, kMaxDepth));
  }
  const std::vector<PolicyFacts>& facts = plan_->facts;
  plan_->by_id.resize(facts.size());
  std::iota(plan_->by_id.begin(), plan_->by_id.end(), 0);
  std::sort(plan_->by_id.begin(), plan_->by_id.end(),
            [&](PolicyIndex a, PolicyIndex b) { return facts[a].id < facts[b].id; });
  const auto twice =
      std::adjacent_find(plan_->by_id.begin(), plan_->by_id.end(),
                         [&](PolicyIndex a, PolicyIndex b) { return facts[a].id == facts[b].id; });
  if (twice != plan_->by_id.end()) {
    return failure(ErrorCode::kConflict, fmt::format("two policies have the id `{}`", facts[*twice].id));
  }
  auto& asked = plan_->asked_names;
  std::ranges::sort(asked);
  asked.erase(std::ranges::unique(asked).begin(), asked.end());
  plan_->index.build(plan_->scopes);
  plan_->arena.stop_uniquing();
  const auto shrink = [](auto&... lists) { (lists.shrink_to_fit(), ...); };
  shrink(plan_->scopes, plan_->conditions, plan_->facts, plan_->nodes, plan_->ranges, plan_->operands,
         plan_->constants, plan_->names, plan_->asked_names);
  return std::shared_ptr<const CompiledPolicySet>(new CompiledPolicySet(std::move(plan_)));
}

}  // namespace writ::cedar
