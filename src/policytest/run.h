// Run: the tests of suites, one after the other, each in a fresh world, and what came of them.
//
// A test that fails is run once more, to explain what happened in the state in which it happened. Not
// thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "policytest/suite.h"
#include "policytest/world.h"

namespace writ::policytest {

// A step that did not come out as expected.
struct Failure {
  files::Place place;
  std::string request;  // what was asked, on one line
  std::string expected;
  std::string got;
  std::optional<Answer> answer;
  std::optional<decision::Explanation> explanation;
};

struct TestResult {
  const Test* test;
  std::optional<Failure> failure;
  std::chrono::microseconds took{0};
};

struct SuiteResult {
  const Suite* suite;
  std::vector<TestResult> tests;

  std::size_t failures() const noexcept;
};

// The whole suite. Fails only when a world cannot be made or a change cannot be applied: then the file is
// wrong, and the error says where.
Result<SuiteResult> run_suite(Shared& shared, const Suite& suite, const Policies& policies,
                              const Observer& observer = {});
// Does the test come out as expected? For who only wants to know.
Result<bool> passes(Shared& shared, const Suite& suite, const Test& test, const Policies& policies);

// What a request asks, for people: "GET /invoices/inv-1001 as nora through support-portal (task t-1)".
std::string describe(const RequestSpec& request);
std::string describe(const Expectation& expect);
std::string describe(const Answer& answer);

}  // namespace writ::policytest
