// What would permit a request that was refused for want of a permit: a policy, and the test that says so.
//
// An offer to a person who looks at it: the policy permits this action on every resource of the type, for the
// one party that was refused, and says that it should be narrowed. Pure.
#pragma once

#include <string>

#include "codec/json.h"

namespace writ::cli {

// Of an audit record; empty where the reason is another one, or the record does not tell enough.
std::string offer_of(const codec::Json& record);

}  // namespace writ::cli
