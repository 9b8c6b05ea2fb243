// Break-glass: when nobody may manage the inventory any more, whoever owns the data folder lifts an
// operator's suspension, while Writ is stopped. The folder's owner could change everything in it anyway; this
// way it is in the audit's chain, and nothing else changes.
#pragma once

#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace writ::server {

// Lifts what operators ordered for this id. Recorded as `identity.recovered`, with `by`, before it is done.
// kConflict while a Writ runs on the folder, for a retirement, and for what only the configuration can lift;
// kNotFound where there is no such folder or no such order.
Result<void> recover(const config::Config& config, std::string_view id, std::string_view by);

}  // namespace writ::server
