// Awaited attributes: a request is decided while some attributes of its resource are not known yet, and other
// policies are already certain.
//
// The request is evaluated without them (cedar/authorize.h). Open is a policy that may say something else
// once they are there: its evaluation failed for want of one, or it asks `has` of one. (`context has` asks
// no entity, and `principal has` asks the resource only where that is the principal.) Every other policy
// that meets the request says with them what it says without: to read an attribute that is absent fails, and
// an evaluation that does not fail has read none. Pure and thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cedar/authorize.h"

namespace writ::cedar {

// Fills `open`, sorted. `evaluation` is of this request, with entities that lack what is awaited.
void find_open_policies(const CompiledPolicySet& policies, const Request& request, const EntityView& entities,
                        std::span<const std::string> awaited, const Evaluation& evaluation,
                        std::vector<PolicyIndex>& open);

}  // namespace writ::cedar
