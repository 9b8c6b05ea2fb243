#include "policytest/files.h"

#include <algorithm>
#include <fmt/format.h>

#include "policy/policy_texts.h"

namespace writ::policytest {

namespace fs = std::filesystem;

namespace {

using files::FileUse;

void add_folder(const fs::path& folder, bool subfolders, const config::Config& config,
                std::vector<fs::path>& files, files::Issues& issues) {
  const files::FolderRules rules{
      .ignore = config.policies.ignore,
      .use = [](std::string_view, const files::FileStamp&) { return FileUse::kRead; },
      .concerns = policy::is_policy_test,
      .subfolders = subfolders,
  };
  for (auto& file : files::look_into(folder, rules, issues).files) files.push_back(std::move(file.path));
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

}  // namespace

std::vector<fs::path> test_files(const std::vector<std::string>& named, const config::Config& config,
                                 files::Issues& issues) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& name : named) {
    if (fs::is_directory(name, error)) {
      add_folder(name, true, config, files, issues);
    } else if (fs::is_regular_file(name, error)) {
      files.emplace_back(name);
    } else {
      issues.error({name}, "there is no such file");
    }
  }
  if (named.empty()) {
    add_folder(folder_of(config.file), false, config, files, issues);
    for (const auto& path : config.policies.policies) {
      const bool is_folder = fs::is_directory(path, error);
      add_folder(is_folder ? path : folder_of(path), is_folder, config, files, issues);
    }
  }
  for (auto& file : files) file = file.lexically_normal();
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  if (files.empty() && !issues.has_errors())
    issues.error({}, fmt::format("there is no *{} beside the configuration or its policies", kTestSuffix),
                 "docs/testing.md shows how to write one");
  return files;
}

}  // namespace writ::policytest
