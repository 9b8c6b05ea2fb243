// writ schema: Writ's base schema, for editors and for the schemas of APIs, which name its types.
#include <CLI/CLI.hpp>

#include "cedar/schema_syntax.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "server/base_schema.h"

namespace writ::cli {

void add_schema(CLI::App& program, Action& action) {
  auto json = std::make_shared<bool>(false);
  auto* command = program.add_subcommand("schema", "print Writ's base schema");
  command->add_flag("--json", *json, "in Cedar's JSON syntax");
  command->callback([json, &action] {
    action = [json] {
      if (*json) {
        print_json(cedar::schema_to_json(server::base_schema_beside({})));
      } else {
        print_text(server::base_schema_text());
      }
      return kYes;
    };
  });
}

}  // namespace writ::cli
