#include "base/denial.h"

#include <algorithm>
#include <array>

namespace writ {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 54> kCodes = {
    "token_missing",
    "token_malformed",
    "token_signature",
    "token_type",
    "token_issuer",
    "token_expired",
    "token_not_yet_valid",
    "token_revoked",
    "token_replayed",
    "audience_mismatch",
    "sender_binding_missing",
    "sender_binding_mismatch",
    "caller_unknown",
    "caller_requested",
    "caller_lapsed",
    "caller_suspended",
    "caller_expired",
    "caller_retired",
    "caller_owner_gone",
    "credential_expired",
    "subject_requested",
    "subject_lapsed",
    "subject_suspended",
    "subject_expired",
    "caller_mismatch",
    "delegation_not_authorised",
    "chain_too_deep",
    "tenant_mismatch",
    "environment_mismatch",
    "task_missing",
    "task_not_started",
    "task_expired",
    "task_ended",
    "task_revoked",
    "task_suspended",
    "action_not_in_task",
    "resource_not_in_task",
    "purpose_mismatch",
    "budget_exceeded",
    "amount_unknown",
    "policy_forbid",
    "policy_no_permit",
    "context_missing",
    "facts_unavailable",
    "obligation_unmet",
    "step_up_required",
    "approval_required",
    "approval_unknown",
    "approval_mismatch",
    "approval_pending",
    "approval_denied",
    "approval_expired",
    "approval_used",
    "indeterminate",
};
static_assert(kCodes.size() == static_cast<std::size_t>(Reason::kIndeterminate) + 1);

}  // namespace

std::string_view reason_code(Reason reason) noexcept {
  return kCodes[static_cast<std::size_t>(reason)];
}

std::optional<Reason> reason_from_code(std::string_view code) noexcept {
  const auto found = std::ranges::find(kCodes, code);
  if (found == kCodes.end()) return std::nullopt;
  return static_cast<Reason>(found - kCodes.begin());
}

}  // namespace writ
