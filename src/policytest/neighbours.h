// Neighbours of a request: its abnormal paths, and further ones, right or wrong: what says more, what is
// about something else, and those who act for others. For whoever looks for a request that makes a
// difference. Pure.
#pragma once

#include <vector>

#include "policytest/abnormal.h"

namespace writ::policytest {

// `answer` is the world's to `asked`, and names an API.
std::vector<Variant> neighbours(const Surroundings& surroundings, const Suite& suite, const Variant& asked,
                                const Answer& answer);

}  // namespace writ::policytest
