// Tests of a proposal, as a file of `writ test`: of each kind of request that was seen and permitted one,
// which stays so, and one that is refused now for each action that was dropped.
//
// A test is only in it if it was run: what is permitted is so today and under the proposal; what is refused
// is permitted today. What cannot be made again from its record is counted, not guessed.
#pragma once

#include <string>

#include "rightsize/plan.h"

namespace writ::rightsize {

struct SuiteText {
  std::string text;  // empty: no test could be made
  std::size_t permitted = 0, refused = 0;
  std::size_t left_out = 0;        // kinds of requests that cannot be made again
  std::size_t dropped_unseen = 0;  // actions that were dropped, for which no request was found
};

// `file`: as the file will be called, for messages.
Result<SuiteText> suite_of(const Source& source, const RightsizingPlan& plan,
                           const std::filesystem::path& file);

}  // namespace writ::rightsize
