// What policies ask of how the user logged in: `context.token.acr`, `context.token.authTime`. From it a
// refusal can say which login would help (RFC 9470).
//
// Pure.
#pragma once

#include "cedar/ast.h"
#include "decision/decision.h"

namespace writ::policy {

// Of each policy that reads either of them, the texts that it compares anything with are what `acr` may be
// asked to be; which of them help is found out by asking the policies again. At most
// decision::Logins::kMaxAcrs, in the order of the policies.
decision::Logins logins_in(const cedar::PolicySet& policies);

}  // namespace writ::policy
