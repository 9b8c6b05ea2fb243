// Which files an audit log has that a command line names, or the configuration.
#pragma once

#include <string>
#include <vector>

#include "audit/files.h"
#include "base/result.h"
#include "config/config.h"

namespace writ::cli {

// Of files and folders, in the order of their records. What is called as a log is and is none is said on
// standard error. A folder without a log is kNotFound.
Result<std::vector<audit::Part>> log_parts(const std::vector<std::string>& named);
// The same; none are named: the configuration's log. There is at least one.
Result<std::vector<audit::Part>> log_parts(const std::vector<std::string>& named,
                                           const config::Config& config);

}  // namespace writ::cli
