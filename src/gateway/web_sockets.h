// WebSockets through the gateway (RFC 6455). The request is decided as any other; then the API's answer 101
// is verified, and from there on bytes are relayed both ways, one piece in flight each, so that a slow side
// slows the other. Nothing that follows either head is ever taken for HTTP. An API that answers with another
// status has answered as to any request, and the connection ends with that.
//
// One that has to end (gateway/open_streams.h) gets a Close frame, 1008 and the reason, where the frames that
// passed to the caller leave room for one; else its connection just ends, as it does when the caller does not
// take it within a second. The API's connection ends at once.
//
// Browsers open WebSockets for any page, with whatever cookies and certificates they have: where a request
// names an Origin, it has to be this server's own or one that the API's `cors` names.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/open_streams.h"
#include "http/client.h"
#include "http/exchange.h"
#include "http/response.h"
#include "http/web_socket.h"

namespace writ::gateway {

// Answers a request before it is decided on: an upgrade where the route takes none, or a route for WebSockets
// that gets something else, or a wrong handshake, or another origin's page. Nothing: it may go on, and of an
// upgrade `offer` says what for.
std::optional<http::Response> refuse_upgrade(const Route& route, const http::Request& request,
                                             std::string_view public_origin,
                                             std::optional<http::WebSocketOffer>& offer);

// Browsers send no Authorization field with a WebSocket. What they can say is which protocols they speak, so
// one of those may be the token: `writ.bearer.TOKEN`.
inline constexpr std::string_view kTokenProtocol = "writ.bearer.";
// Takes it out of the offer, so that the API does not get it. The fields of the request with the one that
// says the token; null: the offer has none. Or what is wrong: there is one place for a token.
std::expected<std::unique_ptr<http::Headers>, std::string> take_token(http::WebSocketOffer& offer,
                                                                      const http::Request& request);

struct WebSocketParts {
  http::Client& client;
  OpenStreams& streams;
  std::atomic<std::uint64_t>& forwarded;
  std::atomic<std::uint64_t>& failures;    // of the API
  std::atomic<std::uint64_t>& broken_off;  // answers that could not be completed
  // What a caller is told of a failure.
  http::Response (*trouble)(http::CallError::Kind kind, std::string_view request_id);
};

struct WebSocketRequest {
  http::Exchange exchange;
  http::WebSocketOffer offer;
  http::Headers headers;  // for the API, but for those of the handshake
  http::Shares::Party party;
  enforce::RequestId request_id;
  StreamBasis basis;
};

// Permitted, and on record. On the loop of the exchange. `keeps` lives as long as the relay: what the parts
// are of.
void relay_web_socket(const WebSocketParts& parts, WebSocketRequest request, std::shared_ptr<void> keeps);

}  // namespace writ::gateway
