// The tests that mutation testing misses, found and written.
//
// A change of a policy that no test notices is noticed by a request whose answer it changes. Such a request
// is sought among those of the tests, their abnormal paths and further neighbours: the nearer one comes to
// what the policy asks for, the sooner its own neighbours are tried. What is found goes into a new file
// beside the test file whose world it needs; it is read back and run, and stays only when it passes today and
// fails under the change. Not thread-safe.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "policytest/abnormal.h"
#include "policytest/mutate.h"

namespace writ::policytest {

// A change that is to be noticed.
struct Unnoticed {
  std::size_t tried;   // in MutationResult::mutants
  std::size_t policy;  // in the set
  Mutant mutant;
};

// A test that notices changes.
struct MissingTest {
  const Suite* suite;  // its world
  Variant asked;
  Expectation expect;
  std::vector<std::size_t> notices;  // in the list of what is unnoticed
};

// For as many as can be found. `suites` and `unnoticed` are borrowed.
Result<std::vector<MissingTest>> find_missing(Shared& shared, std::span<const Suite> suites,
                                              std::span<const Unnoticed> unnoticed);

// The text of a test file of these tests, all of one suite. Pure.
std::string text_of_missing(std::span<const MissingTest> tests, const MutationResult& result,
                            std::span<const Unnoticed> unnoticed);

// Seeks tests for all that is a finding, writes them and says in `result` what notices what now. No file is
// overwritten.
Result<void> write_missing(Shared& shared, std::span<const Suite> suites, MutationResult& result);

}  // namespace writ::policytest
