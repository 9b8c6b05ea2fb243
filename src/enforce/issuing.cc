#include "enforce/issuing.h"

namespace writ::enforce {
namespace {

std::string_view action_id(IssuingStep step) noexcept {
  return step == IssuingStep::kDelegate ? "delegate" : "issue";
}

}  // namespace

std::string_view action_text(IssuingStep step) noexcept {
  return step == IssuingStep::kDelegate ? R"(Writ::Action::"delegate")" : R"(Writ::Action::"issue")";
}

cedar::EntityUid resource_of(IssuingStep step, const inventory::Api& api, const token::AccessClaims& claims) {
  if (step == IssuingStep::kIssue) return {"Writ::Api", api.id};
  return {std::string(inventory::cedar_type(inventory::Kind::kAgent)), claims.client_id};
}

Result<Ruling> rule_on(IssuingStep step, const Issuing& issuing, const Deciding& deciding, Memory& memory,
                       Shadows shadows, decision::Reasons reasons) {
  const auto resource = resource_of(step, issuing.api, issuing.claims);
  const Attributes none;
  const Facts facts{.time = issuing.time,
                    .method = issuing.sent.method,
                    .path = issuing.sent.path,
                    .peer_ip = issuing.sent.peer_ip,
                    .api = issuing.api,
                    .action = {"Writ::Action", action_id(step)},
                    .resource = {resource.type, resource.id},
                    .attributes = none};
  return rule_on_issue(issuing.claims, facts, deciding, memory, shadows, reasons);
}

}  // namespace writ::enforce
