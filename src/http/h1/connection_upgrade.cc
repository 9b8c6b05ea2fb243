// How a Connection switches to a WebSocket (RFC 6455). From the answer 101 on no byte of it is HTTP: the
// handler reads and writes what comes and goes, and the connection ends with it.
#include "base/require.h"
#include "http/h1/connection.h"
#include "http/h1/response_writer.h"

namespace writ::http {

std::optional<FramingRefusal> Connection::accept_upgrade() {
  // RFC 9110 §7.8: what HTTP/1.0 offers is ignored, and nobody behind may think otherwise.
  if (framing_.http10) request_.headers.remove("Upgrade");
  if (!framing_.web_socket) return std::nullopt;
  if (!core_->options.web_sockets)
    return FramingRefusal{
        .status = 501,
        .code = "not_implemented",
        .message = "writ does not carry WebSockets here: an upgrade to `websocket` is not implemented"};
  // Whatever the answer is, nothing behind it is another request.
  close_after_ = true;
  // RFC 6455 §4.1: the client waits for the answer. One reader would take what came for frames, and another
  // one for a request.
  if (!in_.empty())
    return FramingRefusal{
        .status = 400,
        .code = "malformed_request",
        .message = "bytes follow an upgrade to `websocket`; wait for its answer before you send more"};
  return std::nullopt;
}

void Connection::start_tunnel(const ResponseHead& head) {
  WRIT_REQUIRE(framing_.web_socket);
  tunnel_ = true;
  until_close_ = true;
  chunked_ = no_body_ = false;
  body_ = BodyReader::until_close();
  out_ = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    const Header header = head.headers[i];
    if (is_connection_field(header.name) || !is_token(header.name) || !is_field_value(header.value)) continue;
    out_.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  out_.append("\r\n");
  head_pending_ = true;
}

}  // namespace writ::http
