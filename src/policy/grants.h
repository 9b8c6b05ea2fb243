// Grants as policies: a template of the policies with a grant's entities in its slots, and the condition that
// ends it (docs/grants.md).
//
// The condition is the linked policy's first, so that whatever decides, explains or looks ahead knows of the
// end without more: `context.request.time < datetime("...")`. Pure.
#pragma once

#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "cedar/ast.h"
#include "cedar/schema.h"
#include "config/world.h"
#include "files/issue.h"
#include "inventory/grant.h"

namespace writ::policy {

// On linked policies; the values are the template's id, and when it ends.
inline constexpr std::string_view kGrantAnnotation = "grant", kLapsesAnnotation = "lapses";

// Fails with kInvalid when the template does not permit, when the grant's entities do not fit its slots, or,
// with a schema (it may be null), when no request could match it.
Result<cedar::Policy> linked(const inventory::Grant& grant, const cedar::Policy& policy_template,
                             const cedar::Schema* schema);

// A warning for each grant of the configuration that is over at that time.
void warn_of_lapsed(std::span<const config::DeclaredGrant> grants, Instant now, files::Issues& issues);

}  // namespace writ::policy
