// The parts of the configuration's JSON Schema that stand in it more than once, or are long: `$defs`, in
// YAML. A constant; config/config_schema.h puts it under the rest.
#pragma once

#include <string_view>

namespace writ::config {

std::string_view config_schema_parts() noexcept;

}  // namespace writ::config
