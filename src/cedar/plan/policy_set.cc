#include <algorithm>

#include "cedar/compile.h"
#include "cedar/plan/plan.h"
#include "cedar/reading.h"

namespace writ::cedar {

CompiledPolicySet::CompiledPolicySet(std::unique_ptr<const Plan> plan)
    : plan_(std::move(plan)), members_read_(std::make_unique<const MembersRead>(*plan_)) {}
CompiledPolicySet::~CompiledPolicySet() = default;

std::size_t CompiledPolicySet::size() const noexcept {
  return plan_->facts.size();
}

std::string_view CompiledPolicySet::id(PolicyIndex policy) const {
  return plan_->facts.at(policy).id;
}

bool CompiledPolicySet::forbids(PolicyIndex policy) const {
  return plan_->forbids.at(policy);
}

std::span<const std::pair<std::string, std::string>> CompiledPolicySet::annotations(
    PolicyIndex policy) const {
  return plan_->facts.at(policy).annotations;
}

std::optional<std::string_view> CompiledPolicySet::annotation(PolicyIndex policy,
                                                              std::string_view name) const {
  for (const auto& [key, value] : annotations(policy)) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<PolicyIndex> CompiledPolicySet::find(std::string_view wanted) const {
  const auto at =
      std::lower_bound(plan_->by_id.begin(), plan_->by_id.end(), wanted,
                       [&](PolicyIndex policy, std::string_view text) { return id(policy) < text; });
  if (at == plan_->by_id.end() || id(*at) != wanted) return std::nullopt;
  return *at;
}

std::size_t CompiledPolicySet::bytes_reserved() const noexcept {
  const Plan& plan = *plan_;
  std::size_t bytes =
      plan.arena.bytes_reserved() + plan.index.bytes() + plan.scopes.capacity() * sizeof(PolicyScope) +
      plan.nodes.capacity() * (sizeof(Node) + sizeof(SourceRange)) +
      (plan.operands.capacity() + plan.conditions.capacity() + plan.by_id.capacity()) * 4 +
      plan.constants.capacity() * sizeof(Value) + plan.names.capacity() * sizeof(void*) +
      plan.asked_names.capacity() * sizeof(AskedName) + plan.patterns.capacity() * sizeof(LikePattern) +
      plan.facts.capacity() * sizeof(PolicyFacts);
  for (const PolicyFacts& facts : plan.facts) {
    bytes += facts.id.capacity();
    for (const auto& [name, value] : facts.annotations)
      bytes += name.capacity() + value.capacity() + 2 * sizeof(name);
  }
  return bytes;
}

}  // namespace writ::cedar
