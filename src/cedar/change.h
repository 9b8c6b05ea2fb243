// Changes of a context that might change a decision. The candidates come from the conditions of the policies
// themselves: the values that they compare with, the attributes that they ask for. Only deciding again tells
// whether a change helps (decision/explain.h searches for the smallest).
//
// Pure and thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/value.h"

namespace writ::cedar {

struct ContextChange {
  std::vector<std::string> path;  // below the context
  bool remove = false;
  bool any = false;                     // that something is there counts; the value stands for whatever it is
  Value value = Value::boolean(false);  // unless removed

  std::string path_text() const;  // `context.purpose`
};

// For the policies whose scope matches the request; each change once, at most `limit`. Values live in
// `arena`.
std::vector<ContextChange> candidate_changes(Arena& arena, const CompiledPolicySet& policies,
                                             const Request& request, const EntityView& entities,
                                             std::size_t limit);

// The context with the changes made, in their order; records on the way are made where there are none.
Value changed_context(Arena& arena, Value context, std::span<const ContextChange* const> changes);

}  // namespace writ::cedar
