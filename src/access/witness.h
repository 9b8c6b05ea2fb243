// Witness: from values that were found for what is open (cedar/open.h) to a whole request.
//
// Pure.
#pragma once

#include <span>

#include "access/certainties.h"
#include "access/court.h"
#include "cedar/open.h"

namespace writ::access {

// The request of the chain that has these values; what they leave out is as usual: no purpose, no task unless
// one is needed, nothing told of the resource. `resource` is for a use.
Trial trial_of(const Certainties& certain, const Target& target, const cedar::EntityUid& resource,
               Instant time, std::span<const cedar::OpenBinding> bindings);

}  // namespace writ::access
