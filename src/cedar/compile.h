// CompiledPolicySet: policies made ready for evaluation. Immutable and thread-safe; share it by shared_ptr.
//
// Compiling flattens every condition into one array of small instructions, folds what is constant, and files
// each policy under the narrowest part of its scope, so that a request meets only policies that can match it.
// How many other policies there are hardly matters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::cedar {

struct Plan;        // cedar/plan/plan.h, for the evaluator only
class MembersRead;  // cedar/reading.h
struct PolicySet;   // cedar/ast.h

// The place of a policy in its set.
using PolicyIndex = std::uint32_t;

class CompiledPolicySet {
 public:
  // Compiles every static policy and every linked template; whatever cedar/parse.h accepts compiles. Fails,
  // naming the policy, with kConflict when an id is used twice in the set, with kNotFound when a link's
  // template is unknown, with kInvalid when a slot and what fills it do not fit, and with kLimit when a tree
  // that was not parsed is too deep.
  static Result<std::shared_ptr<const CompiledPolicySet>> compile(const PolicySet& policies);

  CompiledPolicySet(CompiledPolicySet&&) = delete;
  ~CompiledPolicySet();

  std::size_t size() const noexcept;
  std::string_view id(PolicyIndex policy) const;
  // Whether it is a forbid; otherwise it is a permit.
  bool forbids(PolicyIndex policy) const;
  // The value of `@name("value")`; empty when the policy has no such annotation.
  std::optional<std::string_view> annotation(PolicyIndex policy, std::string_view name) const;
  std::span<const std::pair<std::string, std::string>> annotations(PolicyIndex policy) const;
  std::optional<PolicyIndex> find(std::string_view id) const;

  // What its conditions may read.
  const MembersRead& members_read() const noexcept { return *members_read_; }

  std::size_t bytes_reserved() const noexcept;
  const Plan& plan() const noexcept { return *plan_; }

 private:
  friend class PlanBuilder;
  explicit CompiledPolicySet(std::unique_ptr<const Plan> plan);
  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<const MembersRead> members_read_;
};

}  // namespace writ::cedar
