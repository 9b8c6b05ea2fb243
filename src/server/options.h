// What the parts of a running Writ are started with, of the configuration and of the room that there is.
#pragma once

#include <cstddef>

#include "config/config.h"
#include "http/client.h"
#include "http/server.h"
#include "server/descriptors.h"

namespace writ::server {

// Says so when there is less room than is configured.
Room room_of(const config::Config& config);
http::ServerOptions server_options(const config::Config& config, const config::ListenAddress& listen,
                                   std::size_t room);
http::ClientOptions client_options(const config::Config& config, const Room& room);

}  // namespace writ::server
