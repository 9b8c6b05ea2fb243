// Audit records as commands show them to people.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "codec/json.h"

namespace writ::cli {

// Who acts for whom, as it came about: "nora → support-portal → support-agent".
std::string parties_of(const codec::Json& record);
// One record on one line. An event names who did it as its application does: "niklas → ops-console", where
// the record says so, or `person` does.
std::string line_of(const codec::Json& record, std::string_view person = {});

// Records one after another. An event names the application alone; for whom it acted stands in the decision
// before it, about the same request.
class RecordLines {
 public:
  std::string next(const codec::Json& record);

 private:
  static constexpr std::size_t kMostRemembered = 4096;
  std::deque<std::pair<std::string, std::string>> asked_;  // the requests, the newest last, and for whom
};

// A decision that the shadow policies would have made otherwise, and how: "deny policy_forbid".
bool would_change(const codec::Json& record);
std::string shadow_outcome(const codec::Json& record);

}  // namespace writ::cli
