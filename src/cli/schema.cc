// writ schema: Writ's base schema, for editors and for the schemas of APIs, which name its types.

#include "cedar/schema_syntax.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "policy/base_schema.h"

namespace writ::cli {

void add_schema(Command& program) {
  auto json = std::make_shared<bool>(false);
  auto& command = program.add("schema", "print Writ's base schema");
  command.flag("--json", *json, "in Cedar's JSON syntax");
  command.runs([json] {
    if (*json) {
      print_json(cedar::schema_to_json(policy::base_schema_beside({})));
    } else {
      print_text(policy::base_schema_text());
    }
    return kYes;
  });
}

}  // namespace writ::cli
