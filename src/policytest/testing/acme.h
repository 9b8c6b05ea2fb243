// For tests: the example's configuration, and suites and requests in its world, read from text. What is
// malformed fails the test, unless its issues are asked for.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "base/testing/folders.h"
#include "policy/load.h"
#include "policytest/reader.h"

namespace writ::policytest::testing {

inline const policy::Loaded& acme() {
  static const policy::Loaded loaded = [] {
    files::Issues issues;
    auto read = policy::load(source_path("/examples/acme/writ.yaml"), issues);
    WRIT_CHECK(read.has_value());
    return *std::move(read);
  }();
  return loaded;
}

inline constexpr std::string_view kHead = "version: 1\nnow: 2026-03-02T09:00:00Z\n";

// The issues of a suite, rendered, one a line.
inline std::string issues_of(const std::string& text) {
  files::Issues issues;
  const auto suite = parse_suite(text, "/w/a.test.yaml", acme(), issues);
  EXPECT_EQ(suite.has_value(), !issues.has_errors());
  std::string out;
  for (const auto& issue : issues.all()) out += render(issue) + "\n";
  return out;
}

// What follows the head of a suite.
inline Suite suite_of(const std::string& text) {
  files::Issues issues;
  auto suite = parse_suite(std::string(kHead) + text, "/w/a.test.yaml", acme(), issues);
  for (const auto& issue : issues.all()) ADD_FAILURE() << render(issue);
  return suite ? *std::move(suite) : Suite{};
}

inline const Ask& ask_of(const Suite& suite, std::size_t test = 0, std::size_t step = 0) {
  return std::get<Ask>(suite.tests.at(test).steps.at(step));
}

}  // namespace writ::policytest::testing
