#include "policytest/record.h"

namespace writ::policytest::record {

simulate::StatedToken token_in(const codec::Json& record) {
  simulate::StatedToken token;
  token.subject = text(record, "subject");
  token.client = text(record, "client");
  for (auto& actor : texts(record, "actors")) token.actors.push_back({std::move(actor), std::nullopt});
  token.task = optional_text(record, "task");
  token.bound = record.find("sender_bound") != nullptr;
  for (const auto& claim : token::claim_table()) {
    if (!claim.recorded) continue;
    if (claim.carried_text != nullptr) token.*claim.carried_text = optional_text(record, claim.name);
    if (claim.carried_date != nullptr) token.*claim.carried_date = instant(record, claim.name);
  }
  if (auto workload = token::workload_from_json(record.find("workload")))
    token.workload = *std::move(workload);
  return token;
}

}  // namespace writ::policytest::record
