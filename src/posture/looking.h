// Looking: from a configuration, its tests and perhaps a log to an assessment. What `writ posture`, the
// report and /v1 do alike. Reads files; what it borrows has to live as long as it looks.
#pragma once

#include <optional>
#include <vector>

#include "audit/files.h"
#include "posture/assess.h"
#include "posture/scene.h"

namespace writ::posture {

struct Looking {
  const policy::Loaded& loaded;
  Instant now;
  std::optional<std::vector<audit::Part>> log = {};  // nothing: nobody can tell what is used
  // Of the database; nothing: nobody looked there.
  std::optional<std::vector<inventory::ApiKey>> api_keys = {};
  Instant since = Instant::min();  // older records are left out
  digest::IndexUse index = {};
  Limits limits = {};
  std::vector<Exemption> exemptions = {};  // beside those of the configuration
  const Check* only = nullptr;             // null: all checks
};

// Fails where a record of the log is none. Tests that cannot be read are told by the check that needs them.
Result<Assessment> look(Looking looking);

}  // namespace writ::posture
