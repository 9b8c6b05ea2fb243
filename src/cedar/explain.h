// Explanation: what each policy that a request meets had to say, and the condition that made it so, with the
// values it saw.
//
//   for (const PolicyExplanation& one : explain(policies, request, entities)) ...
//   // policy1: not satisfied, `context.purpose == "support"`, context.purpose is "marketing"
//
// Slower than a decision and allocating; for people, not for every request. Pure and thread-safe. The
// explanation borrows nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/entities.h"

namespace writ::cedar {

// A path that a condition reads, and what it found there, as policies write values.
struct SeenValue {
  std::string path;  // `context.purpose`, `resource.owner.tenant`
  bool present = true;
  std::string value;  // empty when nothing is there
};

struct PolicyExplanation {
  enum class Outcome : std::uint8_t { kSatisfied, kNotSatisfied, kFailed };
  PolicyIndex policy;
  Outcome outcome;
  // The part of the conditions that was false or failed, as a policy writes it; empty when satisfied. Of
  // several conditions joined by `&&`, the first.
  std::string condition;
  std::uint32_t begin = 0;  // where it stands in the text of the policy, in bytes
  std::uint32_t end = 0;
  std::vector<SeenValue> seen;  // what that part reads; for a satisfied policy, what all of it reads
  std::string error;            // kFailed: why
};

// Every policy whose scope matches, in the order of the set.
std::vector<PolicyExplanation> explain(const CompiledPolicySet& policies, const Request& request,
                                       const EntityView& entities);

}  // namespace writ::cedar
