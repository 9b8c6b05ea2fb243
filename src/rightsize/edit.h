// Edits: a proposal written into the text of the policies. Everything that stands there stays, comments and
// layout with it; lines are put in front of a permit's `;`, or above it. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cedar/ast.h"
#include "rightsize/proposal.h"

namespace writ::rightsize {

// A permit of the text, at its place there.
struct Edit {
  cedar::Span span;
  const PolicyUse* use;
};

// A permit that changes gets a comment and conditions in front of its `;`; one that is kept, a comment above
// it. Fails with kInternal when a span is not that of a permit, or when what comes of it would be more than
// conditions that permits got: it is read again and compared, whatever the proposal's parts were made of.
Result<std::string> edited(std::string_view text, std::span<const Edit> edits);

}  // namespace writ::rightsize
