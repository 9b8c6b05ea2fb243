// Reports of a run: text for people, JSON for programs, JUnit XML for whoever collects test results. The same
// content in each. Pure.
#pragma once

#include <span>
#include <string>

#include "codec/json.h"
#include "policytest/run.h"

namespace writ::policytest {

struct Totals {
  std::size_t tests = 0;
  std::size_t failures = 0;
};
Totals totals(std::span<const SuiteResult> results) noexcept;

// With `all`, also the tests that came out as expected.
std::string to_text(std::span<const SuiteResult> results, bool all);
// {"tests", "failures", "files": [{"file", "tests": [{"name", "line", "outcome", ...}]}]}
codec::Json to_json(std::span<const SuiteResult> results);
// One testsuite for each file, with file and line on each testcase.
std::string to_junit(std::span<const SuiteResult> results);

// Text for XML 1.0: markup escaped, characters that XML cannot hold replaced by U+FFFD. Valid UTF-8 is
// expected.
std::string xml_text(std::string_view text);

}  // namespace writ::policytest
