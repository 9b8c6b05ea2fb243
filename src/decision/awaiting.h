// Questions without guards whose facts about the resource are still to come. For requests:
// decide_awaiting() in decision/decision.h, which says what is refused meanwhile.
#pragma once

#include <span>
#include <string>

#include "decision/decision.h"

namespace writ::decision {

// As decide_plain(), while the attributes `awaited` of the resource are still to come. It never permits: it
// refuses what is refused whatever they turn out to be, or needs_facts().
const Decision& decide_plain_awaiting(const PolicySnapshot& snapshot, const cedar::Request& request,
                                      const cedar::EntityView& entities, std::span<const std::string> awaited,
                                      Workspace& workspace);

}  // namespace writ::decision
