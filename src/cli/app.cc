#include <algorithm>

#include "cli/access.h"
#include "cli/claims.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/posture.h"
#include "cli/report.h"
#include "cli/rightsize.h"

namespace writ::cli {

void add_all(Command& program) {
  add_init(program);
  add_serve(program);
  add_dev(program);
  add_dev_certificate(program);
  add_check(program);
  add_schema(program);
  add_fmt(program);
  add_test(program);
  add_decide(program);
  add_token(program);
  add_task(program);
  add_approval(program);
  add_inventory(program);
  add_entities(program);
  add_audit(program);
  add_policies(program);
  add_keys(program);
  add_access(program);
  add_claims(program);
  add_posture(program);
  add_rightsize(program);
  add_report(program);
  add_gateway(program);
  add_config(program);
}

int run(int argc, char** argv) {
  Command program("writ",
                  "Writ: context-aware authorization for APIs called by applications, services and agents");
  add_all(program);
  const auto parsed = parse(program, "writ 0.1.0", {argv + std::min(argc, 1), argv + argc});
  if (parsed.command != nullptr) return parsed.command->run();
  if (!parsed.out.empty()) print_text(parsed.out);
  if (!parsed.error.empty()) print_error(parsed.error);
  return parsed.status;
}

}  // namespace writ::cli
