#include "decision/shadow.h"

namespace writ::decision {
namespace {

bool is_shadow(const cedar::CompiledPolicySet& policies, std::string_view id) {
  const auto found = policies.find(id);
  return found && policies.annotation(*found, kShadowAnnotation).has_value();
}

}  // namespace

const Decision* decide_with_shadows(const PolicySnapshot& snapshot, const context::Context& context,
                                    Workspace& workspace) {
  return snapshot.with_shadows ? &decide(*snapshot.with_shadows, context, workspace) : nullptr;
}

void add_shadows(audit::Decision& facts, const PolicySnapshot* snapshot, const Decision* shadowed) {
  if (shadowed == nullptr) return;
  facts.shadow_effect = effect_name(shadowed->effect());
  if (facts.shadow_effect == facts.effect) return;
  const auto add = [&](std::string_view id) {
    if (is_shadow(*snapshot->with_shadows->policies, id)) facts.shadow_policies.push_back(id);
  };
  for (const auto id : shadowed->policies()) add(id);
  if (shadowed->permitted() || shadowed->refusals().empty()) return;
  const Refusal& refusal = shadowed->refusals().front();
  facts.shadow_reason = reason_code(refusal.reason);
  facts.shadow_party = refusal.party;
  for (const auto& id : refusal.policies) add(id);
}

}  // namespace writ::decision
