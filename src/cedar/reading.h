// PolicyReading: one policy of a compiled set as text, and what stands in it. For whoever keeps an answer and
// has to know later whether it would still be given: policies of equal text decide equally.
//
// Pure and thread-safe. A reading borrows from the set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cedar/compile.h"
#include "cedar/value.h"

namespace writ::cedar {

struct PolicyReading {
  std::string text;  // id, effect, annotations, scope and condition, as they were compiled
  // That stand in it, in its scope too; some more than once.
  std::vector<Value> constants;
  // Attributes, types and keys that its condition names; some more than once.
  std::vector<std::string_view> names;
};

PolicyReading read_policy(const CompiledPolicySet& policies, PolicyIndex policy);

}  // namespace writ::cedar
