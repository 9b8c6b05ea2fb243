// From a *.test.yaml file to its suite.
//
// The form is docs/policy-test.schema.json; what it cannot say (that an API has the action, that a table is
// complete, that a task is possible) is checked here too. Whatever is wrong is reported with its place, and
// reading goes on, so that one run shows all mistakes. Limits: kMaxTests tests and kMaxSteps requests in one
// file.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "policy/load.h"
#include "policytest/suite.h"

namespace writ::policytest {

inline constexpr std::size_t kMaxTests = 10'000;   // in one file; a row of a table is a test
inline constexpr std::size_t kMaxSteps = 1'000;    // of one test
inline constexpr std::int64_t kMaxTimes = 10'000;  // of one request

// Nothing when there are errors; they are in `issues`.
std::optional<Suite> read_suite(const std::filesystem::path& file, const policy::Loaded& loaded,
                                files::Issues& issues);
std::optional<Suite> parse_suite(std::string_view text, const std::filesystem::path& file,
                                 const policy::Loaded& loaded, files::Issues& issues);

// A single request that is asked about, in a world of its own (`writ decide`, `writ explain`).
struct RequestFile {
  Suite suite;  // without tests
  RequestSpec request;
};

// A map with the keys of a test's request; beside them `now`, `fixtures`, `name`, `about` and `expect`, which
// is not looked at. `more` is a map of request keys as YAML, laid over it; `now` is the instant when it names
// none. Nothing when there are errors; they are in `issues`.
std::optional<RequestFile> parse_request_file(std::string_view text, const std::filesystem::path& file,
                                              std::string_view more, Instant now,
                                              const policy::Loaded& loaded, files::Issues& issues);

}  // namespace writ::policytest
