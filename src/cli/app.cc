#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/output.h"

namespace writ::cli {

int run(int argc, char** argv) {
  CLI::App program("Writ: context-aware authorization for APIs called by applications, services and agents",
                   "writ");
  program.require_subcommand(1);
  program.set_version_flag("--version", "writ 0.1.0");
  Action action;
  add_serve(program, action);
  add_check(program, action);
  add_schema(program, action);
  add_fmt(program, action);
  add_test(program, action);
  add_decide(program, action);
  add_token(program, action);
  add_task(program, action);
  add_approval(program, action);
  add_inventory(program, action);
  add_audit(program, action);
  add_policies(program, action);
  add_keys(program, action);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return program.exit(asked);
  } catch (const CLI::ParseError& error) {
    program.exit(error);
    return kBroken;
  }
  return action();
}

}  // namespace writ::cli
