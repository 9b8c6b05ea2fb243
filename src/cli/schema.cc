// writ schema: Writ's base schema, for editors and for the schemas of APIs, which name its types.

#include "cedar/schema_syntax.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "config/world.h"
#include "policy/base_schema.h"
#include "policy/fact_sources.h"

namespace writ::cli {
namespace {

// Nothing when the configuration has errors, which are printed.
std::optional<context::OwnPaths> paths_of(const std::string& file) {
  if (file.empty()) return context::OwnPaths();
  files::Issues issues;
  const auto config = config::read_config(file, issues);
  const auto world = config ? std::optional(config::read_world(*config, issues)) : std::nullopt;
  if (world && !issues.has_errors()) return policy::own_paths(*world);
  for (const auto& issue : issues.all()) print_error(render(issue));
  return std::nullopt;
}

}  // namespace

void add_schema(Command& program) {
  struct Options {
    bool json = false;
    std::string config;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("schema", "print Writ's base schema");
  command.flag("--json", options->json, "in Cedar's JSON syntax");
  command.option("--config", options->config, "with what this configuration names in `context`");
  command.runs([options] {
    const auto own = paths_of(options->config);
    if (!own) return kBroken;
    if (options->json) {
      print_json(cedar::schema_to_json(policy::base_schema_beside({}, *own)));
    } else {
      print_exact(policy::base_schema_text(*own));
    }
    return kYes;
  });
}

}  // namespace writ::cli
