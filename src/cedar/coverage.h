// Coverage: for one request, which policies apply, and what each atomic condition of a policy comes to.
//
// An atomic condition is a part of a `when` or `unless` that is joined by nothing but `&&`, `||`, `!` and
// `if`; the literals `true` and `false` are none, as they can only be one of both. It is evaluated where the
// policy evaluates it: what was short-circuited away, and a policy whose scope does not match, is not seen.
// For reports on tests, not for requests: it is slower than a decision, and allocates. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cedar/ast.h"
#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/entities.h"

namespace writ::cedar {

// Whether an expression joins conditions; what it joins are its operands.
bool joins_conditions(ExprKind kind) noexcept;

struct AtomicCondition {
  PolicyIndex policy;
  Span span;         // in the text of the policy
  std::string text;  // as policies write it
};

enum class Outcome : std::uint8_t { kFalse, kTrue, kFailed };

class CoverageProbe {
 public:
  // Of the static policies of a set, by their place in it. Fails where CompiledPolicySet::compile does.
  static Result<CoverageProbe> of(const PolicySet& policies);

  // In the order of the policies, and in each in the order of the text.
  const std::vector<AtomicCondition>& conditions() const noexcept { return conditions_; }

  struct Seen {
    std::size_t condition;  // in conditions()
    Outcome outcome;
  };
  // A policy whose scope matches.
  struct Met {
    PolicyIndex policy;
    Outcome outcome;  // kTrue: it applies
    std::vector<Seen> seen;
  };
  std::vector<Met> look(const Request& request, const EntityView& entities) const;

 private:
  // The conditions of a policy as they are joined. Depth is bounded by the parser.
  struct Part {
    ExprKind kind;
    std::vector<Part> operands = {};  // of what joins
    PolicyIndex leaf = 0;             // otherwise: the policy of leaves_ with this alone as its condition
    std::optional<std::size_t> condition = {};
  };
  class Walk;

  CoverageProbe() = default;
  Part part_of(const Expr& expr, PolicyIndex policy, PolicySet& leaves);

  std::vector<AtomicCondition> conditions_;
  std::vector<Part> parts_;  // by policy
  // First the scopes, one for each policy, then the leaves.
  std::shared_ptr<const CompiledPolicySet> leaves_;
};

}  // namespace writ::cedar
