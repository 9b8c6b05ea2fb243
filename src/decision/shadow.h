// Shadow policies: annotated `@shadow`, they are evaluated and recorded, and decide nothing.
//
// A snapshot that has some names a second one in which they are in force. It is asked after the first, with a
// workspace of its own, and what comes of it goes into the audit record and nowhere else.
#pragma once

#include <string_view>

#include "audit/record.h"
#include "decision/decision.h"

namespace writ::decision {

// Its value says why, for people.
inline constexpr std::string_view kShadowAnnotation = "shadow";

// What the shadow policies would have made of it; null: the snapshot has none. Ask before anything is taken
// from a budget: both decisions are of the same facts.
const Decision* decide_with_shadows(const PolicySnapshot& snapshot, const context::Context& context,
                                    Workspace& workspace);

// Says it in the record of what was decided, whose `effect` is there already. Nothing when `shadowed` is
// null; the snapshot may then be null too. The record's views are into both.
void add_shadows(audit::Decision& facts, const PolicySnapshot* snapshot, const Decision* shadowed);

}  // namespace writ::decision
