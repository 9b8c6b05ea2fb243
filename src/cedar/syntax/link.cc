#include "cedar/link.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::cedar {
namespace {

Result<void> check_slot(const Policy& policy, const ScopeTerm& term, const std::optional<EntityUid>& uid,
                        std::string_view slot) {
  if (term.slot == uid.has_value()) return {};
  const auto problem = term.slot ? fmt::format("needs an entity for the slot `?{}`", slot)
                                 : fmt::format("has no slot `?{}`", slot);
  return failure(ErrorCode::kInvalid, fmt::format("template `{}` {}", policy.id, problem));
}

void fill(ScopeTerm& term, const std::optional<EntityUid>& uid) {
  if (!term.slot) return;
  term.slot = false;
  term.entities.push_back(*uid);
}

}  // namespace

Result<void> check_link(const Policy& policy_template, const TemplateLink& link) {
  TRY(check_slot(policy_template, policy_template.principal, link.principal, "principal"));
  TRY(check_slot(policy_template, policy_template.resource, link.resource, "resource"));
  return {};
}

Result<Policy> linked_policy(const Policy& policy_template, const TemplateLink& link) {
  TRY(check_link(policy_template, link));
  Policy policy = policy_template;
  policy.id = link.id;
  fill(policy.principal, link.principal);
  fill(policy.resource, link.resource);
  return policy;
}

Result<void> add_link(PolicySet& policies, TemplateLink link) {
  const auto found = std::ranges::find(policies.templates, link.template_id, &Policy::id);
  if (found == policies.templates.end())
    return failure(ErrorCode::kNotFound,
                   fmt::format("policy `{}` links the unknown template `{}`", link.id, link.template_id));
  const auto taken = [&](const auto& list, auto id) {
    return std::ranges::find(list, link.id, id) != list.end();
  };
  if (taken(policies.policies, &Policy::id) || taken(policies.templates, &Policy::id) ||
      taken(policies.links, &TemplateLink::id))
    return failure(ErrorCode::kConflict, fmt::format("two policies have the id `{}`", link.id));
  TRY(check_link(*found, link));
  policies.links.push_back(std::move(link));
  return {};
}

}  // namespace writ::cedar
