// Listening sockets that were given to this process by whoever started it, as systemd does it (socket
// activation, sd_listen_fds(3)): LISTEN_PID is this process, LISTEN_FDS how many, from descriptor 3 on.
//
// Or the process that ran before gives them (server/takeover.h).
//
// A server takes the one that listens on its address and port in place of opening one. It stays open with
// whoever gave it, so that while one process ends and the next one begins, callers wait in its queue instead
// of being refused.
//
// They are the process's, as its environment and its descriptors are. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::http {

inline constexpr std::size_t kMaxInheritedSockets = 64;

// Reads the environment, and takes what it says out of it, for the children of this process. Once, before
// there are threads. Fails with kInvalid where the environment gives something else than sockets that listen
// on an IP address; then none are taken.
Result<void> take_inherited_sockets();

// One that another process gave, which is this function's from here on. It is closed where nothing is going
// to listen on its address. Fails with kInvalid where it does not listen on an IP address.
Result<void> inherit_socket(int descriptor,
                            const std::function<bool(std::string_view address, std::uint16_t port)>& wanted);

// Those of this process that listen on an IP address, as they are at this moment: to be given away.
std::vector<int> listening_sockets();

// Opens what nobody gave, for inherited_socket(): so that what hinders it is known before somebody else ends.
// Nothing to do for port 0, and for one that is there.
Result<void> listen_ahead(std::string_view address, std::uint16_t port);

// The descriptor of the one that listens there, for the caller to own. Nothing: there is none, or somebody
// has it.
std::optional<int> inherited_socket(std::string_view address, std::uint16_t port);

// Those that nobody took: "127.0.0.1:8181".
std::vector<std::string> inherited_sockets_left();

}  // namespace writ::http
