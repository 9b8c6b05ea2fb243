// writ check: is what the operator wrote right? Configuration, policies and routes, without starting
// anything.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number_of.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "policy/grants.h"
#include "policy/load.h"
#include "server/evidence.h"

namespace writ::cli {
namespace {

struct CheckOptions {
  std::string config = "writ.yaml";
  std::vector<std::string> policies;  // in place of the configuration's
  bool json = false;
};

codec::Json check_report(const files::Issues& issues, const std::optional<policy::Loaded>& loaded) {
  auto list = codec::Json::array();
  for (const auto& issue : issues.all()) list.push(to_json(issue));
  auto json = codec::Json::object({{"valid", !issues.has_errors()},
                                   {"errors", static_cast<std::int64_t>(issues.errors())},
                                   {"warnings", static_cast<std::int64_t>(issues.warnings())},
                                   {"issues", std::move(list)}});
  if (loaded) {
    auto left_out = codec::Json::array();
    for (const auto& each : loaded->texts.left_out)
      left_out.push(codec::Json::object({{"file", each.path}, {"why", each.why}}));
    json.set("left_out", std::move(left_out));
    json.set("policies", static_cast<std::int64_t>(loaded->policies.count));
    json.set("grants", static_cast<std::int64_t>(loaded->policies.grants));
    json.set("shadow_policies", static_cast<std::int64_t>(loaded->policies.shadows));
    json.set("policy_revision", loaded->policies.snapshot->revision);
    json.set("identities", static_cast<std::int64_t>(loaded->world.declared.identities.size()));
    json.set("apis", static_cast<std::int64_t>(loaded->world.declared.apis.size()));
    json.set("routes", static_cast<std::int64_t>(loaded->routes->size()));
  }
  return json;
}

std::string summary(const files::Issues& issues, const std::optional<policy::Loaded>& loaded) {
  const auto counts =
      fmt::format("{}, {}", number_of(issues.errors(), "error"), number_of(issues.warnings(), "warning"));
  if (!loaded) return counts;
  const auto shadows = loaded->policies.shadows;
  const auto grants = loaded->policies.grants;
  return fmt::format(
      "{}{}{} (revision {}), {}, {}, {}: {}", number_of(loaded->policies.count, "policy", "policies"),
      shadows > 0 ? " and " + number_of(shadows, "shadow") : "",
      grants > 0 ? " and " + number_of(grants, "grant") : "", loaded->policies.snapshot->revision,
      number_of(loaded->world.declared.identities.size(), "identity", "identities"),
      number_of(loaded->world.declared.apis.size(), "API"), number_of(loaded->routes->size(), "route"),
      counts);
}

std::optional<policy::Loaded> load(const CheckOptions& options, files::Issues& issues) {
  if (options.policies.empty()) return policy::load(options.config, issues);
  auto config = config::draft_config(options.config, issues);
  if (!config) return std::nullopt;
  config->policies.policies.assign(options.policies.begin(), options.policies.end());
  return policy::load(*std::move(config), issues);
}

// What a start would say of the data folder's rights. Whoever else looks at it cannot tell.
void check_data(const config::Config& config, const std::string& file, files::Issues& issues) {
  struct stat folder {};
  if (::stat(config.data.c_str(), &folder) != 0) return;
  if (folder.st_uid != ::geteuid())
    return issues.warning({file},
                          fmt::format("the rights of the data folder `{}` were not looked at: it belongs to "
                                      "user {}, and user {} runs this",
                                      config.data.string(), folder.st_uid, ::geteuid()),
                          "run `writ check` as the user that runs Writ");
  if (const auto good = server::check_data_access(config); !good) issues.error({file}, good.error().message);
}

int check(const CheckOptions& options) {
  if (const auto problem = no_configuration(options.config)) return fail(*problem);
  files::Issues issues;
  const auto loaded = load(options, issues);
  if (loaded) policy::warn_of_lapsed(loaded->world.grants, SystemClock().now(), issues);
  if (loaded) check_data(loaded->config, options.config, issues);
  if (options.json) {
    print_json(check_report(issues, loaded));
  } else {
    for (const auto& issue : issues.all()) print_text(render(issue));
    if (loaded) {
      for (const auto& each : loaded->texts.left_out)
        print_text(fmt::format("{}: left out: {}", each.path, each.why));
    }
    print_text(summary(issues, loaded));
  }
  return issues.has_errors() ? kNo : kYes;
}

}  // namespace

void add_check(Command& program) {
  auto options = std::make_shared<CheckOptions>();
  auto& command = program.add("check", "check configuration, policies and routes");
  command.option("--config", options->config, "the configuration file").shows_default();
  command.option("--policies", options->policies,
                 "policy files or folders, instead of the configuration's; repeat it for more");
  command.flag("--json", options->json, "print JSON");
  command.runs([options] { return check(*options); });
}

}  // namespace writ::cli
