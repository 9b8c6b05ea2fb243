#include "cli/loaded.h"

#include <filesystem>
#include <fmt/format.h>

#include "cli/output.h"
#include "simulate/moment.h"

namespace writ::cli {

Result<policy::Loaded> load_configuration(const std::string& named) {
  std::filesystem::path file(named);
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) file /= "writ.yaml";
  if (!std::filesystem::is_regular_file(file, error))
    return failure(ErrorCode::kNotFound,
                   fmt::format("there is no configuration file `{}`; name one with --config", file.string()));
  files::Issues issues;
  auto loaded = policy::load(file, issues);
  if (loaded) return *std::move(loaded);
  for (const auto& issue : issues.all()) print_error(render(issue));
  return failure(ErrorCode::kInvalid,
                 fmt::format("{}: {} errors, so nothing was looked at", file.string(), issues.errors()));
}

Result<Instant> instant_of(const std::string& at) {
  const Instant now = SystemClock().now();
  if (at.empty()) return now;
  if (const auto moment = simulate::parse_moment(at, now)) return *moment;
  return failure(ErrorCode::kInvalid,
                 fmt::format("`{}` is not a time: write 2026-03-02T09:00:00Z, or +10m from now", at));
}

}  // namespace writ::cli
