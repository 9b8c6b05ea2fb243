// Recorded requests: what an audit log says was permitted, as a suite, so that abnormal paths can be derived
// from what really happens.
//
// Taken are the permits of the gateway, of the token endpoint and of Writ's own API, each different request
// once, with the tasks that the log says were opened. A record holds no body and no query of its request, and
// identities are the configuration's. So not every request can be reproduced; which is left out,
// policytest/abnormal.h says.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "policy/load.h"
#include "policytest/suite.h"

namespace writ::policytest {

// The tests are named "record 17" and have their place in the log. Fails when the log cannot be read or is
// not whole (audit/verify.h), and with kLimit on more than kMaxTests different requests.
Result<Suite> recorded_suite(const std::filesystem::path& log, const policy::Loaded& loaded);
// Of these records alone, in their order; the places are their numbers in the list.
Result<Suite> recorded_suite(std::span<const std::string> records, const policy::Loaded& loaded);

}  // namespace writ::policytest
