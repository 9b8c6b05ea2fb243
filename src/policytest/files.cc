#include "policytest/files.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::policytest {

namespace fs = std::filesystem;

namespace {

void add_folder(const fs::path& folder, std::vector<fs::path>& files) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().ends_with(kTestSuffix)) files.push_back(entry.path());
  }
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

}  // namespace

std::vector<fs::path> test_files(const std::vector<std::string>& named, const server::Config& config,
                                 server::Issues& issues) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& name : named) {
    if (fs::is_directory(name, error)) {
      add_folder(name, files);
    } else if (fs::is_regular_file(name, error)) {
      files.emplace_back(name);
    } else {
      issues.error({name}, "there is no such file");
    }
  }
  if (named.empty()) {
    add_folder(folder_of(config.file), files);
    for (const auto& path : config.policies.policies)
      add_folder(fs::is_directory(path, error) ? path : folder_of(path), files);
  }
  for (auto& file : files) file = file.lexically_normal();
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  if (files.empty() && !issues.has_errors())
    issues.error({}, fmt::format("there is no *{} beside the configuration or its policies", kTestSuffix),
                 "docs/testing.md tells how to write one");
  return files;
}

}  // namespace writ::policytest
