#include "cli/loaded.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

#include "base/number_of.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "codec/nearest.h"
#include "simulate/moment.h"

namespace writ::cli {
namespace {

constexpr std::string_view kUsual = "writ.yaml";
constexpr std::string_view kIssue = "issue";

std::unexpected<Error> no_such(std::string_view what, std::string_view name,
                               const std::vector<std::string_view>& names) {
  const auto near = codec::nearest(name, names);
  return failure(ErrorCode::kNotFound,
                 near.empty()
                     ? fmt::format("there is no {} `{}`; there are {}", what, name, fmt::join(names, ", "))
                     : fmt::format("there is no {} `{}`: did you mean `{}`?", what, name, near));
}

}  // namespace

int broken(const files::Issues& issues, std::string_view not_done) {
  for (const auto& issue : issues.all()) print_error(render(issue));
  return not_done.empty() ? kBroken
                          : fail(fmt::format("{}: {}", not_done, number_of(issues.errors(), "error")));
}

std::optional<std::string> no_configuration(const std::string& named) {
  const std::filesystem::path file(named);
  std::error_code error;
  if (std::filesystem::is_regular_file(file, error)) return std::nullopt;
  if (std::filesystem::is_directory(file, error))
    return fmt::format("`{}` is a folder: name the file in it, `{}`", named, (file / kUsual).string());
  if (std::filesystem::exists(file, error))
    return fmt::format("`{}` is not a file with a configuration", named);
  return fmt::format("there is no configuration file `{}`{}", named,
                     named == kUsual ? "; name one with --config" : "");
}

Result<policy::Loaded> load_configuration(const std::string& named) {
  std::filesystem::path file(named);
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) file /= kUsual;
  if (const auto problem = no_configuration(file.string())) return failure(ErrorCode::kNotFound, *problem);
  files::Issues issues;
  auto loaded = policy::load(file, issues);
  if (loaded) return *std::move(loaded);
  for (const auto& issue : issues.all()) print_error(render(issue));
  return failure(ErrorCode::kInvalid, fmt::format("{}: {}, so nothing was looked at", file.string(),
                                                  number_of(issues.errors(), "error")));
}

Result<void> check_names(const policy::Loaded& loaded, std::string_view api, std::string_view action) {
  std::vector<std::string_view> apis, actions;
  for (const auto& each : loaded.world.declared.apis) {
    apis.push_back(each.id);
    if (api.empty() || each.id == api)
      actions.insert(actions.end(), each.actions.begin(), each.actions.end());
  }
  if (!api.empty() && std::ranges::find(apis, api) == apis.end()) return no_such("API", api, apis);
  if (!action.empty() && action != kIssue && std::ranges::find(actions, action) == actions.end())
    return no_such("action", action, actions);
  return {};
}

Result<Instant> instant_of(const std::string& at) {
  const Instant now = SystemClock().now();
  if (at.empty()) return now;
  if (const auto moment = simulate::parse_moment(at, now)) return *moment;
  return failure(ErrorCode::kInvalid,
                 fmt::format("`{}` is not a time: write 2026-03-02T09:00:00Z, or +10m from now", at));
}

}  // namespace writ::cli
