#include "cedar/reading.h"

#include <algorithm>

#include "cedar/plan/expression.h"
#include "cedar/print.h"

namespace writ::cedar {
namespace {

void take_names(const Plan& plan, const Node& node, std::vector<std::string_view>& names) {
  const auto take = [&](std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = first; i != first + count; ++i) names.push_back(plan.names[i]->view());
  };
  switch (node.op) {
    case Op::kAttribute:
    case Op::kHas:
    case Op::kIs:
    case Op::kIsIn:
      return take(node.b, 1);
    case Op::kHasPath:
    case Op::kRecord:
      return take(node.c, node.b);
    default:
      return;
  }
}

// The names at the places that are marked, sorted, each once.
std::vector<std::string_view> marked_names(const Plan& plan, const std::vector<bool>& marked) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < marked.size(); ++i)
    if (marked[i]) names.push_back(plan.names[i]->view());
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  names.shrink_to_fit();
  return names;
}

}  // namespace

MembersRead::MembersRead(const Plan& plan) {
  std::vector<bool> read(plan.names.size()), whole(plan.names.size()), looked_inside(plan.nodes.size());
  for (const Node& node : plan.nodes) {
    if (!looks_inside(node.op)) continue;
    looked_inside[node.a] = true;
    const auto [first, count] = members_named(node);
    for (std::uint32_t i = 0; i < count; ++i) read[first + i] = true;
  }
  for (NodeIndex at = 0; at < plan.nodes.size(); ++at) {
    const Node& node = plan.nodes[at];
    if (looked_inside[at]) continue;
    if (node.op == Op::kAttribute) whole[node.b] = true;
    if (node.op == Op::kContext) context_whole_ = true;
  }
  read_ = marked_names(plan, read);
  whole_ = marked_names(plan, whole);
  for (const auto name : read_) read_filter_.add(name);
  for (const auto name : whole_) whole_filter_.add(name);
}

bool MembersRead::reads(std::string_view name) const {
  return read_filter_.may_have(name) && std::ranges::binary_search(read_, name);
}

bool MembersRead::takes_whole(std::string_view name) const {
  return whole_filter_.may_have(name) && std::ranges::binary_search(whole_, name);
}

PolicyReading read_policy(const CompiledPolicySet& policies, PolicyIndex policy) {
  const Plan& plan = policies.plan();
  const auto& scope = plan.scopes[policy].constraints;
  Policy written;
  written.id = plan.facts[policy].id;
  written.effect = plan.forbids[policy] ? Effect::kForbid : Effect::kPermit;
  for (const auto& [name, value] : plan.facts[policy].annotations)
    written.annotations.push_back({.name = name, .value = value, .span = {}});
  written.principal = scope_term(scope[0]);
  written.action = scope_term(scope[1]);
  written.resource = scope_term(scope[2]);
  PolicyReading reading;
  for (const ScopeConstraint& constraint : scope) {
    for (const Uid* uid : std::span(constraint.uids, constraint.uid_count))
      reading.constants.push_back(Value::entity(EntityRef(uid)));
  }
  if (const NodeIndex condition = plan.conditions[policy]; condition != kNoNode) {
    written.conditions.push_back({.unless = false, .body = plan_expression(plan, condition), .span = {}});
    std::vector<NodeIndex> ahead{condition};
    while (!ahead.empty()) {
      const NodeIndex at = ahead.back();
      ahead.pop_back();
      const Node& node = plan.nodes[at];
      if (node.op == Op::kConstant) reading.constants.push_back(plan.constants[node.a]);
      take_names(plan, node, reading.names);
      for (const NodeIndex operand : operands_of(plan, at)) ahead.push_back(operand);
    }
  }
  // Policies of equal text and other ids are told apart: answers name them.
  reading.text = written.id + "\n" + print_policy(written);
  return reading;
}

}  // namespace writ::cedar
