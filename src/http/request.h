// A request as the rest of Writ sees it: framing checked, target decoded and normalised, nothing ambiguous
// left.
//
// The first type in the way of a request (ARCHITECTURE.md). Server makes it from the wire; tests make it by
// hand. A plain value; not thread-safe while being changed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/headers.h"

namespace writ::http {

struct Request {
  std::string method;  // as received; methods are case-sensitive
  std::string target;  // as received, for the record; never decide on it
  std::string path;    // decoded and unambiguous (http/target.h); split it at `/` to get the segments
  // What an upstream gets: as received, with every reserved character as it was sent (http/target.h).
  std::string encoded_path;
  std::string query;  // as received, without the `?`; percent-encoding is valid but not decoded
  std::string host;   // the Host field: lower case, with the port where one was given
  Headers headers;    // all fields as received, also Host and the framing fields
  std::string body;   // what was read by a buffered handler; empty in a streaming one
  // Where it comes from: the connection's address, or the caller's as the operator's own proxies tell it
  // (http/forwarded.h). "127.0.0.1", "::1".
  std::string peer_ip;
  // The SHA-256 of the certificate that the caller itself showed in TLS, in base64url; empty: none. Never one
  // of the operator's own proxies.
  std::string peer_certificate = {};
  // The names in that certificate: "URI:spiffe://acme.example/export", "DNS:export.acme.example". Null: none.
  std::shared_ptr<const std::vector<std::string>> peer_names = {};
};

}  // namespace writ::http
