#include "decision/minted_claims.h"

#include "task/live_task.h"

namespace writ::decision {

Result<token::ClaimsContract> minted_claims(const inventory::Api& api, const PolicySnapshot& policies,
                                            const token::AccessClaims& claims, const task::LiveTask* task) {
  if (api.claims) return token::ClaimsContract::of(*api.claims);
  if (!api.by_contract || policies.minted_claims == nullptr) return token::ClaimsContract();
  const auto* contract = policies.minted_claims->find(api.id);
  if (contract == nullptr) return token::ClaimsContract();
  // Only where leaving it out changes nothing: what the task says instead is the same, and cannot change.
  const bool task_says_it = task != nullptr && claims.task && claims.purpose == (*task)->purpose;
  return task_says_it ? contract->in_task : contract->outside_tasks;
}

}  // namespace writ::decision
