// Writ's own signing keys as the configuration wants them, of a Writ that starts, or of one that is stopped.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "config/config.h"
#include "store/sqlite_store.h"
#include "token/own_keys.h"

namespace writ::server {

// The keys of the last run, or a first one. Where one cannot be read with the wrapping key that is
// configured, nothing is changed, and the message says what to do.
Result<std::unique_ptr<token::OwnKeys>> open_keys(const config::Config& config, store::SqliteStore& store,
                                                  Instant now);

// In the data folder of a Writ that is stopped: kConflict while one runs on it, kNotFound where none has run.
// Each answers as GET /v1/keys does. A rotation is recorded, with `by`, before it is done.
Result<codec::Json> list_keys(const config::Config& config);
Result<codec::Json> rotate_keys(const config::Config& config, token::Urgency urgency, std::string_view by);

}  // namespace writ::server
