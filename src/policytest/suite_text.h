// Parts of a test file as text (docs/testing.md). Pure.
#pragma once

#include <string>

#include "codec/json.h"

namespace writ::policytest {

// As YAML, on one line: JSON with plain keys.
std::string yaml_line(const codec::Json& json);
// The key `fixtures` of a map of maps, or of lists: an entry a line.
std::string fixtures_text(const codec::Json& fixtures);

}  // namespace writ::policytest
