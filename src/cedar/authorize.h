// Authorization: one request against one compiled policy set, with Cedar's semantics to the letter.
//
// A request is allowed when at least one permit is satisfied and no forbid is. A policy whose evaluation
// fails counts as not satisfied and is reported in errors(). (That a forbid which could not be evaluated
// denies is a rule of `decision`, not of Cedar; it finds what it needs in errors().)
//
// The compiled set, the entities and the request are only read, so many threads may share them; each thread
// brings its own Evaluation, which keeps its memory: the second use of a warm Evaluation allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/compile.h"
#include "cedar/entities.h"
#include "cedar/eval_error.h"
#include "cedar/request.h"
#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::cedar {

enum class Decision : std::uint8_t { kDeny, kAllow };

// Why one policy could not be evaluated. Cheap to record; text is made only when asked for. It borrows from
// the request, the entities and the Evaluation until the Evaluation's next use.
struct PolicyError {
  PolicyIndex policy;
  std::uint32_t node;  // where in the compiled policy
  EvalFailure failure;

  EvalErrorKind kind() const noexcept { return failure.kind; }
};

// The memory and the result of one authorization. Reusable; one per thread. Movable, not copyable.
class Evaluation {
 public:
  Decision decision() const noexcept { return decision_; }
  bool allowed() const noexcept { return decision_ == Decision::kAllow; }
  // The policies that determined the decision: for allow the satisfied permits, for deny the satisfied
  // forbids (none when nothing permitted). In the order of the policy set.
  std::span<const PolicyIndex> reason() const noexcept {
    return satisfied_forbids_.empty() ? std::span<const PolicyIndex>(satisfied_permits_)
                                      : std::span<const PolicyIndex>(satisfied_forbids_);
  }
  std::span<const PolicyIndex> satisfied_permits() const noexcept { return satisfied_permits_; }
  std::span<const PolicyIndex> satisfied_forbids() const noexcept { return satisfied_forbids_; }
  // Sorted by policy.
  std::span<const PolicyError> errors() const noexcept { return errors_; }
  // How many policies matched the request's scope and were looked into.
  std::size_t policies_considered() const noexcept { return considered_; }

 private:
  friend void authorize(const CompiledPolicySet&, const Request&, const EntityView&, Evaluation&);
  Decision decision_ = Decision::kDeny;
  std::vector<PolicyIndex> satisfied_permits_;
  std::vector<PolicyIndex> satisfied_forbids_;
  std::vector<PolicyError> errors_;
  std::size_t considered_ = 0;
  Arena arena_;
};

// Fills `evaluation` with the outcome; never fails.
void authorize(const CompiledPolicySet& policies, const Request& request, const EntityView& entities,
               Evaluation& evaluation);

// For people: "record does not have the attribute `tenant`", with the path where one can be named.
std::string error_message(const CompiledPolicySet& policies, const PolicyError& error);

// The path that was missing, as the policy writes it: `context.purpose`, `resource.owner.tenant`. For a
// missing entity the path of the entity: `resource`. Empty when the error is of another kind or no plain path
// was accessed.
std::string missing_path(const CompiledPolicySet& policies, const PolicyError& error);

}  // namespace writ::cedar
