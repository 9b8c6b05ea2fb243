// A JSON Schema (2020-12) of the configuration file, for editors.
//
// It names every key that the reader knows, with its type and limits; what holds between keys is for `writ
// check` alone. tests/system/config_schema_test.py asks the reader about each map of it, so that neither has
// a key that the other has not. Pure.
#pragma once

#include "codec/json.h"

namespace writ::config {

codec::Json config_schema();

}  // namespace writ::config
