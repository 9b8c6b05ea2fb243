// A whole response, for handlers that answer at once. Streamed answers use ResponseHead (http/server.h).
//
// The server adds Content-Length, Date and Connection; fields of these names that a handler sets are ignored.
#pragma once

#include <string>
#include <string_view>

#include "http/headers.h"

namespace writ::http {

struct Response {
  int status;
  Headers headers;
  std::string body;
};

Response text_response(int status, std::string body);
// The body is JSON text already.
Response json_response(int status, std::string body, std::string_view content_type = "application/json");
// {"error":code,"message":message}: how Writ refuses what is no question of authorization (framing, no such
// path).
Response error_response(int status, std::string_view code, std::string_view message);

// "Not Found"; "Unknown" for a status without a registered phrase.
std::string_view status_phrase(int status) noexcept;

}  // namespace writ::http
