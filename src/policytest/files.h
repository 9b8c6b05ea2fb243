// Which files are tests: *.test.yaml beside the configuration and its policies.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"

namespace writ::policytest {

inline constexpr std::string_view kTestSuffix = ".test.yaml";

// The files that were named, a folder standing for those in it and in its subfolders; without a name, those
// in the configuration's folder and among its policies. Each once, in a stable order. A name that is neither
// file nor folder is an error of `issues`, and so are finding none and what files/folder.h reports.
std::vector<std::filesystem::path> test_files(const std::vector<std::string>& named,
                                              const config::Config& config, files::Issues& issues);

}  // namespace writ::policytest
