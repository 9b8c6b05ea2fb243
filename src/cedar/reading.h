// PolicyReading: one policy of a compiled set as text, and what stands in it. For whoever keeps an answer and
// has to know later whether it would still be given: policies of equal text decide equally.
//
// Pure and thread-safe. A reading borrows from the set.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/name_filter.h"
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

// MembersRead: what some condition of a set may read of records and entities, by the names of members alone.
// For whoever has values that Cedar has not: what no condition can read may be left out of a question.
//
// In doubt it is read, whatever has a member of that name. CompiledPolicySet::members_read(). Immutable and
// thread-safe; as long as the set.
class MembersRead {
 public:
  explicit MembersRead(const Plan& plan);

  // Some condition reads a member of that name, or asks whether it is there.
  bool reads(std::string_view name) const;
  // Some condition takes the value of such a member as it is, as a comparison does: with all that is in it.
  bool takes_whole(std::string_view name) const;
  bool takes_context_whole() const noexcept { return context_whole_; }

 private:
  NameFilter read_filter_, whole_filter_;
  std::vector<std::string_view> read_, whole_;  // sorted, each once
  bool context_whole_ = false;
};

}  // namespace writ::cedar
