// The strict reading of a message head (RFC 9112).
//
// Request smuggling lives where two readers of the same bytes disagree. So everything that readers are known
// to take differently is refused here, on the raw bytes: line ends other than CRLF, folded lines, space
// before a colon, more than one Content-Length or Host, Content-Length beside Transfer-Encoding, codings
// other than `chunked`. What passes, Beast reads alike: the tests and the fuzz targets compare the two
// (http/testing/beast_head.h). Pure; internal to http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/headers.h"

namespace writ::http {

// How a message is turned away: the status for a client, code and message for the JSON body.
struct FramingRefusal {
  int status;
  std::string_view code;
  std::string message;
};

struct HeadLimits {
  std::size_t max_head_bytes;
  std::size_t max_headers;
  std::size_t max_target_bytes;
};

struct Framing {
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;
  bool expect_continue = false;
  bool http10 = false;      // the client speaks HTTP/1.0: it knows neither chunks nor interim answers
  bool web_socket = false;  // a request that asks for an upgrade to it (RFC 6455)

  bool has_body() const noexcept { return chunked || content_length.value_or(0) > 0; }
};

struct RequestHead {
  std::string_view method;
  std::string_view target;
  std::string_view host;
  Framing framing;
};

struct ResponseLine {
  int status;
  Framing framing;  // as the fields say; without regard to the request's method and the status
};

// Decimal digits and nothing else, below 10^18.
std::optional<std::uint64_t> parse_content_length(std::string_view digits);

// Finds the end of a head in `bytes`, of which the first `seen` were looked at before. Returns its length
// with the empty line, or 0 when more bytes are needed. Refuses at once what can't become a head any more.
std::expected<std::size_t, FramingRefusal> find_head_end(std::string_view bytes, std::size_t seen,
                                                         const HeadLimits& limits);

// `head` is what find_head_end delimited. Its fields are appended to `headers`; of a head that is refused,
// those before the fault.
std::expected<RequestHead, FramingRefusal> read_request_head(std::string_view head, const HeadLimits& limits,
                                                             Headers& headers);
// A response's status and message are told to nobody but the log; only the framing matters.
std::expected<ResponseLine, FramingRefusal> read_response_head(std::string_view head,
                                                               const HeadLimits& limits, Headers& headers);

}  // namespace writ::http
