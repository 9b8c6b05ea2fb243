// WebSockets, as far as both sides of a gateway have to know them: the opening handshake (RFC 6455 §4), where
// frames begin and end (§5.2), and the Close frame (§5.5.1).
//
// On a server with ServerOptions::web_sockets, a handler answers an upgrade with Exchange::start() and the
// status 101, then write(): with nothing to say yet, write(""), which sends the head. From there on
// read_body() gives what the client sends, write() sends, and finish() ends the connection. Over HTTP/2 (RFC
// 8441) the server puts the fields of HTTP/1.1 in place of those of the extended CONNECT, and handlers see no
// difference: a stream is what the connection is there.
// Outbound::web_socket is the same on the other side.
//
// Pure, but for FrameTracker, which is of one connection.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/headers.h"
#include "http/request.h"

namespace writ::http {

// What a client asks for, all of it checked.
struct WebSocketOffer {
  std::string key;         // Sec-WebSocket-Key, of 16 bytes
  std::string protocols;   // Sec-WebSocket-Protocol: a list of different tokens, or empty
  std::string extensions;  // what of Sec-WebSocket-Extensions passes: permessage-deflate, or empty
};

// An upgrade to `websocket`, well made or not.
bool asks_for_web_socket(const Request& request) noexcept;

// Or what is wrong with it.
std::expected<WebSocketOffer, std::string> read_web_socket_offer(const Request& request);

// Whether the fields of an answer with the status 101 take what was offered, and nothing else; or what is
// wrong.
std::optional<std::string> web_socket_fault(const WebSocketOffer& offer, const Headers& answer);

// Sec-WebSocket-Accept for that key (§4.2.2).
std::string web_socket_accept(std::string_view key);

// A Sec-WebSocket-Key that nobody can guess.
std::string new_web_socket_key();

// A Close frame as a server sends it. `reason` is cut after 123 bytes.
std::string close_frame(std::uint16_t code, std::string_view reason);

// Follows the frames that pass in one direction, without a look at what they carry.
class FrameTracker {
 public:
  void pass(std::string_view bytes) noexcept;
  // Between two frames: another one may begin here.
  bool between_frames() const noexcept { return header_ == 0 && left_ == 0; }
  // A Close frame has begun: nothing may follow it.
  bool closing() const noexcept { return closing_; }

 private:
  std::uint8_t header_ = 0;    // bytes of a frame's header that have passed; 0: none
  std::uint8_t wanted_ = 2;    // that it has
  std::uint8_t extended_ = 2;  // of which a length takes so many, and the two before it
  std::uint64_t length_ = 0;   // of what it carries, as far as it is known
  std::uint64_t left_ = 0;     // of what it carries, still to pass
  bool closing_ = false;
};

}  // namespace writ::http
