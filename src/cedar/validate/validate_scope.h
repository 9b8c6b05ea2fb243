// What the validator asks of the names in a policy and of its scope, without types. Private to the cedar
// module.
#pragma once

#include <cstdint>
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

// Of the combinations that the schema allows those to be checked, with for a template every type its slots
// may have. kInScope leaves out those of which the scope alone says that the policy is false: the typechecker
// would look at the scope first, report nothing, and stop there. Most policies are about few of very many.
enum class Combinations : std::uint8_t { kAll, kInScope };
std::vector<const SchemaAction*> actions_to_check(const Schema& schema, const Policy& policy,
                                                  Combinations combinations);
std::vector<RequestTypes> request_types_of(const Schema& schema, const SchemaAction& action,
                                           const Policy& policy, Combinations combinations);

}  // namespace writ::cedar
