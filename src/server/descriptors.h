// Descriptors: how many files this process may hold open, and how many connections that is room for.
//
// Linux gives a process a soft limit that it may raise itself, up to a hard one that it may not. What is kept
// for the database, the log, the operator's listener and idle connections to upstreams is never lent to
// callers. A request through the gateway holds two, its caller's and its upstream's.
#pragma once

#include <cstddef>

namespace writ::server {

// Raises the soft limit as far as the hard one, and says how many there are then.
std::size_t raise_descriptor_limit() noexcept;

// Connections, by listener.
struct Room {
  std::size_t api, gateway, operators;
  std::size_t idle_upstreams;  // kept alive for later requests, of all upstreams together
};

// `wanted`: of each listener of callers, `limits.max_connections`.
Room room_within(std::size_t descriptors, std::size_t wanted, bool has_gateway) noexcept;

}  // namespace writ::server
