#include "rightsize/folder.h"

#include <fmt/format.h>
#include <set>

#include "files/files.h"

namespace writ::rightsize {

namespace fs = std::filesystem;

namespace {

// Below the folder, wherever the configuration found it.
fs::path below(const std::string& path) {
  fs::path kept;
  for (const auto& part : fs::path(path).lexically_normal().relative_path())
    if (part != "..") kept /= part;
  return kept;
}

}  // namespace

Result<void> write_folder(const fs::path& folder, const RightsizingPlan& plan, const SuiteText& suite,
                          const TemplatesOf& templates) {
  std::error_code error;
  if (fs::exists(folder, error) && (!fs::is_directory(folder, error) || !fs::is_empty(folder, error)))
    return failure(
        ErrorCode::kConflict,
        fmt::format("`{}` is there already; name a folder that is empty, or not there", folder.string()));
  std::set<fs::path> written;
  for (const auto& file : plan.proposed.texts.files) {
    if (file.kind != policy::TextKind::kPolicies) continue;
    const auto path = below(file.path);
    if (!written.insert(path).second)
      return failure(ErrorCode::kConflict,
                     fmt::format("two files of policies would be `{}`", (folder / path).string()));
    fs::create_directories((folder / path).parent_path(), error);
    if (error)
      return failure(ErrorCode::kIo, fmt::format("cannot create `{}`: {}", folder.string(), error.message()));
    TRY(files::write_file(folder / path, *file.text));
  }
  for (const auto& each : templates.all) {
    if (each.body.is_null()) continue;
    const auto path = folder / kTemplatesFolder / (each.name + ".task.json");
    fs::create_directories(path.parent_path(), error);
    if (error)
      return failure(ErrorCode::kIo,
                     fmt::format("cannot create `{}`: {}", path.parent_path().string(), error.message()));
    TRY(files::write_file(path, each.body.pretty() + "\n"));
  }
  if (!templates.tests.empty()) TRY(files::write_file(folder / kTemplateTests, templates.tests));
  if (!suite.text.empty()) TRY(files::write_file(folder / kSuiteFile, suite.text));
  return {};
}

}  // namespace writ::rightsize
