// What a connection through an OutboundProxy has until its tunnel stands (RFC 9110 §9.3.6). Internal to http.
//
//   target known ──▶ connected to the proxy ──CONNECT──▶ 2xx: the tunnel, and TLS in it
#pragma once

#include <cstddef>
#include <string>

#include "http/net/send_queue.h"

namespace writ::http {

struct Tunnel {
  std::string target;  // "203.0.113.7:443"
  std::string request;
  SendQueue out;
  std::size_t seen = 0;  // of the answer
};

}  // namespace writ::http
