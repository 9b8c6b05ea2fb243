// What a decision read, for its audit record: enough to ask again later, under other policies (writ decide
// --replay).
#pragma once

#include "audit/record.h"
#include "context/context.h"

namespace writ::decision {

// The claims as the decision saw them (with what inventory and task filled in), and what the caller knew of
// the resource and of amounts. Never the token. The record's views are into the context.
void add_facts(audit::Decision& facts, const context::Context& context);

// The same of the claims alone, of a token that was asked for.
void add_claims(audit::Decision& facts, const token::AccessClaims& claims);

}  // namespace writ::decision
