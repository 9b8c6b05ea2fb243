// Issuing: what is asked of every party when a token is requested. The token service, tests of policies and
// simulation (POST /v1/decide) all decide by this.
//
// Every party is asked for Writ::Action::"issue" on Writ::Api::"<id>". Where an agent takes work over from
// another, every party is asked for Writ::Action::"delegate" on Writ::Agent::"<id>" too. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "cedar/ast.h"
#include "enforce/ruling.h"

namespace writ::enforce {

enum class IssuingStep : std::uint8_t { kIssue, kDelegate };

// As Cedar writes it.
std::string_view action_text(IssuingStep step) noexcept;
// What is acted on: the API, or the agent that takes over (the client of the claims).
cedar::EntityUid resource_of(IssuingStep step, const inventory::Api& api, const token::AccessClaims& claims);

struct Issuing {
  const token::AccessClaims& claims;  // of the token, as it would be made
  const inventory::Api& api;
  Sent sent;
  Times time;
};

// As rule_on_issue().
Result<Ruling> rule_on(IssuingStep step, const Issuing& issuing, const Deciding& deciding, Memory& memory,
                       Shadows shadows, decision::Reasons reasons = decision::Reasons::kFirst);

}  // namespace writ::enforce
