// Response heads as bytes. Internal to http.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/headers.h"

namespace writ::http {

// kUntilClose: for HTTP/1.0, whose clients do not know chunks.
enum class BodyFraming { kNone, kLength, kChunked, kUntilClose };

struct HeadToWrite {
  int status;
  const Headers& headers;
  BodyFraming framing;
  std::uint64_t length;
  bool close;
  bool persist = false;  // says so to HTTP/1.0, where it is not a matter of course
  bool own = false;      // the server's word: 429 and 503 say when to try again
};

// Appends status line, fields and the empty line. Fields that the server itself answers for (framing,
// Connection) are left out, as is a field that is no valid one: what a handler hands over can't split the
// response.
void append_response_head(std::string& out, const HeadToWrite& head);

// The current Date (RFC 9110 §5.6.7), made once per second and thread.
std::string_view http_date();

// Appends "1a\r\n".
void append_chunk_size(std::string& out, std::size_t size);

// Fields that concern one connection only, and never pass a gateway: framing and RFC 9110 §7.6.1.
bool is_connection_field(std::string_view name) noexcept;

}  // namespace writ::http
