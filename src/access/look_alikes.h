// LookAlikes: callers that an API cannot tell apart by the claims that it reads itself, whatever its policies
// say of them.
//
// One thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access/survey.h"
#include "codec/json.h"

namespace writ::access {

// Chains that reach the API, and are one to it by the claims that it reads.
struct LookAlikes {
  std::vector<std::pair<std::string, std::string>> seen;  // claim and value, "(open)": of any
  std::vector<Chain> chains;                              // two or more
  std::optional<std::string> change;                      // the first claim that tells some of them apart
};
// Of the claims that an API declares to read, those that say who calls. The others are its own business, as
// its tokens' times.
std::vector<std::string> telling_claims(const std::vector<std::string>& declared);
// The claims that can be named; an unknown one is an error.
Result<std::vector<LookAlikes>> look_alikes(Survey& survey, const std::vector<Target>& targets,
                                            const std::vector<std::string>& reads);

codec::Json to_json(const std::vector<LookAlikes>& alike);
std::string to_text(const std::vector<LookAlikes>& alike, const std::vector<std::string>& reads);

}  // namespace writ::access
