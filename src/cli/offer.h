// What would permit a request that was refused for want of a permit: a policy, and the test that says so.
//
// An offer to a person who looks at it: the policy permits this action on every resource of the type, for the
// one party that was refused, and says that it should be narrowed. Pure.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace writ::cli {

// Of an audit record; empty where the reason is another one, or the record does not tell enough.
std::string offer_of(const codec::Json& record);

// The command that explains a request which was refused at the gateway; empty where it could not know what
// was decided on: a token that is no good, a task, what the API or a source said.
std::string explaining(const codec::Json& record, std::string_view config);

}  // namespace writ::cli
