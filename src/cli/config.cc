// writ config: what editors want to know of the configuration file.
#include "cli/commands.h"
#include "cli/output.h"
#include "config/config_schema.h"

namespace writ::cli {

void add_config(Command& program) {
  auto& config = program.add("config", "what editors want to know of the configuration file");
  auto& schema = config.add("schema", "print a JSON Schema of the configuration file");
  schema.runs([] {
    print_json(config::config_schema());
    return kYes;
  });
}

}  // namespace writ::cli
