// Mutation testing: one thing at a time is changed in the policies, and the tests are run against that. A
// change that no test notices is a test that nobody wrote.
//
//   a policy is deleted, or its effect flipped; a part of its scope is widened; a clause, or one condition
//   inside, is deleted or negated
//
// A change that makes no difference is accepted in the policy: @accept_mutant("delete `CONDITION`: REASON"),
// in the words in which the report names the change, several separated by "; ". Not thread-safe.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cedar/ast.h"
#include "policytest/acceptances.h"
#include "policytest/suite.h"
#include "policytest/world.h"

namespace writ::policytest {

struct Mutant {
  std::string change;                   // "negate `context has user`"
  std::string missing;                  // the test to write
  cedar::Span span;                     // of what is changed
  std::optional<cedar::Policy> policy;  // in place of the original; nothing: it is deleted
};

inline constexpr std::string_view kAcceptMutant = "accept_mutant";  // the annotation

// All mutants of a policy. None equals it or another. Pure.
std::vector<Mutant> mutants_of(const cedar::Policy& policy);
// What the policies accept, by @accept_mutant. Fails when one is malformed, or names no change of its policy.
Result<std::vector<Acceptance>> accepted_mutants(const policy::LoadedPolicies& policies);

// A mutant and what became of it.
struct TriedMutant {
  files::Place place;
  std::string policy, change, missing;
  bool noticed = false;         // by a test
  std::string accepted = {};    // the reason; empty: it is not
  std::string noticed_in = {};  // the file that was written, with a test that notices it

  bool is_finding() const noexcept { return !noticed && accepted.empty() && noticed_in.empty(); }
};

struct MutationResult {
  std::vector<TriedMutant> mutants;
  std::vector<Acceptance> unused;  // accepted, and noticed all the same
  struct Written {
    std::string file;
    std::size_t tests;
  };
  std::vector<Written> written = {};  // by write_missing() (policytest/missing.h)

  std::size_t survivors() const noexcept;  // that no test notices
  std::size_t findings() const noexcept;   // of these, what nothing accepts; and acceptances of nothing
};

// Fails when a test fails without any change, too (then it says nothing of mutants), and when an
// @accept_mutant is malformed or names no change of its policy.
Result<MutationResult> mutate(Shared& shared, std::span<const Suite> suites);

// The policies with the change in force.
Result<Policies> mutated(const Shared& shared, std::size_t policy, const Mutant& mutant);

// The same content in each. In JUnit, a mutant is a test case.
std::string to_text(const MutationResult& result);
codec::Json to_json(const MutationResult& result);
std::string to_junit(const MutationResult& result);

}  // namespace writ::policytest
