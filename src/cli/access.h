// writ access: who reaches what (docs/access.md). And its page as a part of the report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "policy/load.h"
#include "report/html.h"

namespace writ::cli {

void add_access(Command& program);

struct AccessPartOptions {
  std::vector<std::string> apis = {};  // by their ids; none: all but Writ's own
  std::string reads = {};              // the claims that the APIs themselves read: "sub,scope"
  std::optional<std::uint64_t> links = {};
  bool quick = false;
};
// Who reaches what by this configuration, from that instant on.
Result<report::Markup> access_part(const policy::Loaded& loaded, Instant at,
                                   const AccessPartOptions& options);

}  // namespace writ::cli
