// What the parts of Writ start from: options that the configuration's plain values become, and what the last
// run left. Used by App::start.
#pragma once

#include <memory>

#include "audit/log.h"
#include "config/config.h"
#include "config/world.h"
#include "http/client.h"
#include "http/server.h"
#include "server/descriptors.h"

namespace writ::server {

http::ServerOptions server_options(const config::Config& config, const config::ListenAddress& listen,
                                   std::size_t room);
// As far as open files allow; says so where that is less than is configured.
Room room_of(const config::Config& config);
http::ClientOptions client_options(const config::Config& config, const Room& room);

// Whether an API takes tokens that its callers have of a provider.
bool takes_others(const config::Config& config);

// How long an assertion may live of a client that it authenticates.
Duration longest_assertion(const config::Config& config);

// What was recorded had happened: no clock takes it back.
Result<Instant> first_instant(const audit::Log& log, Instant now, bool accept_clock);

}  // namespace writ::server
