#include "gateway/web_sockets.h"

#include <algorithm>
#include <utility>

#include "codec/ascii.h"
#include "gateway/refusal.h"
#include "http/upstream_call.h"

namespace writ::gateway {
namespace {

constexpr std::uint16_t kPolicyViolation = 1008;  // RFC 6455 §7.4.1
constexpr std::uint16_t kGoingAway = 1001;

http::Response refuse(int status, std::string_view code, std::string_view message) {
  return error_answer(status, code, message, enforce::RequestId::next());
}

// "https://api.acme.example", as browsers write it.
bool is_own_origin(std::string_view origin, const http::Request& request, std::string_view public_origin) {
  if (!public_origin.empty()) return origin == public_origin;
  return !request.host.empty() && (origin == "http://" + request.host || origin == "https://" + request.host);
}

bool may_open(const Route& route, const http::Request& request, std::string_view public_origin) {
  const auto count = request.headers.count("Origin");
  if (count == 0) return true;  // not a browser
  const auto origin = *request.headers.find("Origin");
  if (count > 1) return false;
  return is_own_origin(origin, request, public_origin) ||
         (route.cors() != nullptr && route.cors()->allows(origin));
}

class Relay : public std::enable_shared_from_this<Relay> {
 public:
  Relay(const WebSocketParts& parts, WebSocketRequest request, std::shared_ptr<void> keeps)
      : keeps_(std::move(keeps)),
        parts_(parts),
        exchange_(std::move(request.exchange)),
        offer_(std::move(request.offer)),
        request_id_(request.request_id),
        basis_(std::move(request.basis)) {}

  void begin(http::Headers headers, http::Shares::Party party) {
    const auto& request = exchange_.request();
    headers.set("Sec-WebSocket-Version", "13");
    headers.set("Sec-WebSocket-Key", offer_.key);
    for (const auto& [name, value] : {std::pair("Sec-WebSocket-Protocol", &offer_.protocols),
                                      std::pair("Sec-WebSocket-Extensions", &offer_.extensions)}) {
      headers.remove(name);
      if (!value->empty()) headers.add(name, *value);
    }
    auto target = request.encoded_path;
    if (!request.query.empty()) target.append("?").append(request.query);
    call_ = http::UpstreamCall::open(parts_.client, basis_.route->to(),
                                     {.method = request.method,
                                      .target = std::move(target),
                                      .headers = std::move(headers),
                                      .party = party,
                                      .timeouts = basis_.route->timeouts().call,
                                      .web_socket = true});
    call_.read_head([self = shared_from_this()](auto head) { self->on_head(std::move(head)); });
  }

 private:
  void on_head(http::CallResult<http::InboundHead> head) {
    if (!head) return fail(head.error().kind);
    parts_.forwarded.fetch_add(1, std::memory_order_relaxed);
    auto headers = answer_headers(head->headers, request_id_);
    if (const auto& cors = basis_.route->cors()) cors->mark(headers, exchange_.request().headers);
    if (head->status != 101) {
      exchange_.start(
          {.status = head->status, .headers = std::move(headers), .content_length = head->content_length});
      return pass_answer();
    }
    if (http::web_socket_fault(offer_, head->headers)) return fail(http::CallError::Kind::kMalformed);
    stream_ = parts_.streams.open(std::move(basis_), "websocket", request_id_,
                                  [weak = weak_from_this()](const StreamEnd& end) {
                                    if (const auto self = weak.lock()) self->cut(end);
                                  });
    if (stream_ == nullptr) {
      exchange_.respond(error_answer(503, "overloaded", "this server is stopping", request_id_));
      call_ = {};
      return;
    }
    exchange_.start({.status = 101, .headers = std::move(headers), .content_length = {}});
    send({});
    receive();
  }

  // ---- another answer than 101: as of any request ----

  void pass_answer() {
    call_.read_body([self = shared_from_this()](http::CallResult<std::string_view> piece) {
      if (!piece || piece->empty()) return self->end_answer(piece.has_value());
      self->exchange_.write(
          *piece, [self](Result<void> written) { written ? self->pass_answer() : self->end_answer(false); });
    });
  }

  void end_answer(bool whole) {
    if (!whole) parts_.broken_off.fetch_add(1, std::memory_order_relaxed);
    whole ? exchange_.finish() : exchange_.abort();
    call_ = {};
  }

  void fail(http::CallError::Kind kind) {
    parts_.failures.fetch_add(1, std::memory_order_relaxed);
    exchange_.respond(parts_.trouble(kind, request_id_));
    call_ = {};
  }

  // ---- from the API to the caller ----

  // The first one is empty: it sends the answer's head.
  void send(std::string_view piece) {
    sending_ = true;
    exchange_.write(piece, [self = shared_from_this()](Result<void> written) {
      self->sending_ = false;
      if (self->over_) return;
      if (!written) return self->end("closed_by_caller");
      if (self->why_) return self->say_why();
      self->read_from_api();
    });
  }

  void read_from_api() {
    call_.read_body([self = shared_from_this()](http::CallResult<std::string_view> piece) {
      if (self->over_ || self->why_) return;
      if (!piece) return self->end("broken_by_api");
      if (piece->empty()) return self->end("finished");
      self->to_caller_.pass(*piece);
      self->stream_->sent(piece->size());
      self->send(*piece);
    });
  }

  // ---- from the caller to the API ----

  void receive() {
    exchange_.read_body([self = shared_from_this()](Result<std::string_view> piece) {
      if (self->over_ || self->why_) return;
      if (!piece || piece->empty()) return self->end("closed_by_caller");
      self->stream_->received(piece->size());
      self->call_.write_body(*piece, [self](http::CallResult<void> written) {
        if (self->over_ || self->why_) return;
        // What the API said before its end is read, and tells of it.
        if (written) self->receive();
      });
    });
  }

  // ---- ends ----

  // One of the two sides is gone.
  void end(std::string_view reason) {
    over_ = true;
    if (reason == "broken_by_api") parts_.broken_off.fetch_add(1, std::memory_order_relaxed);
    stream_->end(reason);
    // An end of the API's is passed on as one; what was said is sent before it.
    reason == "finished" ? exchange_.finish() : exchange_.abort();
    let_go();
  }

  void cut(const StreamEnd& why) {
    if (over_) return;
    if (why.late) return give_up();
    why_ = why;
    // Until it is written, the piece that is under way lies in the call's buffer.
    if (!sending_) say_why();
  }

  void say_why() {
    call_ = {};
    if (!to_caller_.between_frames() || to_caller_.closing()) return give_up();
    last_ =
        http::close_frame(why_->reason == "server_stopping" ? kGoingAway : kPolicyViolation, why_->reason);
    exchange_.write(last_, [self = shared_from_this()](Result<void> written) {
      if (std::exchange(self->over_, true)) return;
      written ? self->exchange_.finish() : self->exchange_.abort();
      self->let_go();
    });
  }

  void give_up() {
    over_ = true;
    exchange_.abort();
    let_go();
  }

  // The stream's request lives in the exchange.
  void let_go() {
    stream_.reset();
    call_ = {};
  }

  const std::shared_ptr<void> keeps_;
  const WebSocketParts parts_;
  http::Exchange exchange_;
  const http::WebSocketOffer offer_;
  const enforce::RequestId request_id_;
  StreamBasis basis_;  // until the stream has it
  http::UpstreamCall call_;
  std::shared_ptr<OpenStreams::Stream> stream_;
  http::FrameTracker to_caller_;
  std::optional<StreamEnd> why_;  // it is cut
  std::string last_;              // its Close frame
  bool sending_ = false;
  bool over_ = false;  // callbacks that still come mean nothing
};

}  // namespace

std::optional<http::Response> refuse_upgrade(const Route& route, const http::Request& request,
                                             std::string_view public_origin,
                                             std::optional<http::WebSocketOffer>& offer) {
  const bool asked = http::asks_for_web_socket(request);
  if (!route.web_socket()) {
    if (!asked) return std::nullopt;
    return refuse(501, "not_implemented",
                  "this route does not carry WebSockets: an upgrade to `websocket` is not implemented");
  }
  if (!asked) return refuse(400, "websocket_expected", "this route takes WebSockets, and nothing else");
  auto read = http::read_web_socket_offer(request);
  if (!read) {
    auto response = refuse(400, "malformed_request", read.error());
    response.headers.set("Sec-WebSocket-Version", "13");
    return response;
  }
  if (!may_open(route, request, public_origin))
    return refuse(403, "origin_not_allowed",
                  "pages of this origin may not open a WebSocket here; name it in the API's `cors`");
  offer = *std::move(read);
  return std::nullopt;
}

std::expected<std::unique_ptr<http::Headers>, std::string> take_token(http::WebSocketOffer& offer,
                                                                      const http::Request& request) {
  std::unique_ptr<http::Headers> shown;
  std::string left;
  for (std::string_view rest = offer.protocols; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto protocol = codec::trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (!protocol.starts_with(kTokenProtocol)) {
      left.append(left.empty() ? "" : ", ").append(protocol);
      continue;
    }
    if (shown != nullptr || request.headers.contains("Authorization"))
      return std::unexpected(
          "a token stands in one place: once in `Sec-WebSocket-Protocol`, or in `Authorization`");
    shown = std::make_unique<http::Headers>(request.headers);
    shown->add("Authorization", "Bearer " + std::string(protocol.substr(kTokenProtocol.size())));
  }
  offer.protocols = std::move(left);
  return shown;
}

void relay_web_socket(const WebSocketParts& parts, WebSocketRequest request, std::shared_ptr<void> keeps) {
  auto headers = std::move(request.headers);
  const auto party = request.party;
  std::make_shared<Relay>(parts, std::move(request), std::move(keeps))->begin(std::move(headers), party);
}

}  // namespace writ::gateway
