// Linking: entities put into the slots of a template.
//
// Pure and thread-safe for different sets.
#pragma once

#include "base/result.h"
#include "cedar/ast.h"

namespace writ::cedar {

// Whether the link fills exactly the slots that the template has. Fails with kInvalid, naming the slot.
Result<void> check_link(const Policy& policy_template, const TemplateLink& link);

// The static policy that a link stands for; its id is the link's. Fails as check_link does.
Result<Policy> linked_policy(const Policy& policy_template, const TemplateLink& link);

// Adds a link to a set. Fails with kNotFound when there is no such template, with kConflict when the new id
// is taken, and as check_link does; the set is then as it was. Cost: linear in the set.
Result<void> add_link(PolicySet& policies, TemplateLink link);

}  // namespace writ::cedar
