// What the validator asks of the names in a policy and of its scope, without types. Private to the cedar
// module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cedar/validate/typecheck.h"

namespace writ::cedar {

// Entity types, actions and ids of enumerated types that the schema does not declare.
void check_names(const Schema& schema, const Policy& policy, const Typechecker::Report& report);
// One entity that is put into a slot.
void check_slot_type(const Schema& schema, const EntityUid& uid, Span span,
                     const Typechecker::Report& report);
// That some action of the scope applies to some principal and resource of the scope.
void check_scope(const Schema& schema, const Policy& policy, const Typechecker::Report& report);

// Every combination that the schema allows, and for a template every type its slots may have.
std::vector<RequestTypes> request_types_of(const Schema& schema, const SchemaAction& action,
                                           const Policy& policy);

}  // namespace writ::cedar
