#include "cli/log_parts.h"

#include <filesystem>
#include <fmt/format.h>

#include "cli/output.h"

namespace writ::cli {

Result<std::vector<audit::Part>> log_parts(const std::vector<std::string>& named) {
  std::vector<std::filesystem::path> left_out;
  auto parts = TRY(audit::parts_of({named.begin(), named.end()}, left_out));
  for (const auto& file : left_out)
    print_error(
        fmt::format("writ: `{}` is left out: it is not an audit log, or it is compressed", file.string()));
  return parts;
}

Result<std::vector<audit::Part>> log_parts(const std::vector<std::string>& named,
                                           const config::Config& config) {
  if (!named.empty()) {
    auto parts = TRY(log_parts(named));
    if (parts.empty()) return failure(ErrorCode::kNotFound, "--audit names no file with records");
    return parts;
  }
  const auto path = config.data / config.audit.file;
  std::error_code error;
  auto parts = std::filesystem::exists(path.parent_path(), error) ? TRY(audit::parts_beside(path))
                                                                  : std::vector<audit::Part>();
  if (parts.empty())
    return failure(ErrorCode::kNotFound,
                   fmt::format("there is no audit log `{}`; name one with --audit", path.string()));
  return parts;
}

}  // namespace writ::cli
