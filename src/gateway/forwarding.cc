#include "gateway/forwarding.h"

#include <utility>

#include "gateway/proxy_answers.h"
#include "gateway/refusal.h"
#include "gateway/refusal_form.h"
#include "gateway/send_body.h"
#include "http/deadline.h"
#include "http/upstream_call.h"

namespace writ::gateway {
namespace {

// Everything happens on the exchange's loop; the callbacks under way keep it alive, and dropping the call
// ends them.
class Forwarding : public std::enable_shared_from_this<Forwarding> {
 public:
  Forwarding(const ForwardingParts& parts, ForwardingRequest request, std::shared_ptr<void> keeps)
      : keeps_(std::move(keeps)),
        parts_(parts),
        exchange_(std::move(request.exchange)),
        request_id_(request.request_id),
        read_(std::move(request.read)),
        cors_(request.basis.route->cors()),
        basis_(std::move(request.basis)) {}

  void begin(http::Headers headers, http::Shares::Party party) {
    const auto& request = exchange_.request();
    const auto& route = *basis_.route;
    auto target = request.encoded_path;
    if (!request.query.empty()) target.append("?").append(request.query);
    const bool has_body = exchange_.has_body();
    call_ = http::UpstreamCall::open(
        parts_.client, route.to(),
        {.method = request.method,
         .target = std::move(target),
         .headers = std::move(headers),
         .has_body = has_body,
         .content_length = read_      ? std::optional<std::uint64_t>(read_->size())
                           : has_body ? exchange_.content_length()
                                      : std::nullopt,
         .party = party,
         .timeouts = timeouts_of(route),
         // RFC 9110 §10.1.4.
         .takes_trailers = exchange_.carries_trailers() && request.headers.has_token("TE", "trailers")});
    if (const auto& whole = route.timeouts().whole) end_after(*whole);
    const auto* trailers = &route.forwarded();
    if (has_body && !read_ && route.stream() && exchange_.carries_trailers() && !begin_stream())
      return stopping();
    if (has_body)
      send_body({.exchange = exchange_,
                 .call = call_,
                 .read = read_,
                 .over = over_,
                 .gone = [self = shared_from_this()] { self->end_without_answer(); },
                 .trailers = trailers,
                 .passed =
                     [this](std::size_t bytes) {
                       if (stream_ != nullptr) stream_->received(bytes);
                     }});
    call_.read_head([self = shared_from_this()](auto head) { self->on_head(std::move(head)); });
  }

 private:
  // All of it, also what is no stream.
  void end_after(std::chrono::milliseconds whole) {
    whole_ = http::Deadline(parts_.loops, exchange_.loop(), whole, [this] {
      if (over_) return;
      const auto self = shared_from_this();
      if (stream_ != nullptr) stream_->end("whole_timeout");
      fail({http::CallError::Kind::kTimeout, "its route allows no more time"});
    });
  }

  // False: none begin any more.
  bool begin_stream() {
    exchange_.let_last();
    stream_ = parts_.streams.open(std::move(basis_), "stream", request_id_,
                                  [weak = weak_from_this()](const StreamEnd& end) {
                                    if (const auto self = weak.lock()) self->cut(end);
                                  });
    return stream_ != nullptr;
  }

  void stopping() {
    over_ = true;
    respond(error_answer(503, "overloaded", "this server is stopping", request_id_));
    let_go();
  }

  void respond(http::Response answer) {
    if (cors_ != nullptr) cors_->mark(answer.headers, exchange_.request().headers);
    exchange_.respond(in_form(form_asked_for(exchange_), std::move(answer)));
  }

  // A client sees that the answer is not whole, and why from the answer to its next request. One of gRPC is
  // told, behind the piece that is being written; one that does not take that piece is cut the second time.
  void cut(const StreamEnd& why) {
    if (why.late && std::exchange(last_words_, std::nullopt)) {
      exchange_.abort();
      return let_go();
    }
    if (std::exchange(over_, true)) return;
    parts_.broken_off.fetch_add(1, std::memory_order_relaxed);
    const bool grpc = form_asked_for(exchange_) == RefusalForm::kGrpc;
    if (grpc && !started_) {
      exchange_.respond({.status = 200, .headers = grpc_end(why.reason, why.message), .body = {}});
    } else if (grpc && writing_) {
      last_words_ = grpc_end(why.reason, why.message);
      return;
    } else if (grpc) {
      exchange_.finish(grpc_end(why.reason, why.message));
    } else {
      exchange_.abort();
    }
    let_go();
  }

  void say_last_words(bool taken) {
    auto trailers = *std::exchange(last_words_, std::nullopt);
    taken ? exchange_.finish(std::move(trailers)) : exchange_.abort();
    let_go();
  }

  // The stream's request lives in the exchange.
  void let_go() {
    stream_.reset();
    call_ = {};
  }

  void on_head(http::CallResult<http::InboundHead> head) {
    if (over_) return;
    if (!head) return fail(head.error());
    if (stream_ == nullptr && is_stream(*basis_.route, head->headers) && !begin_stream()) return stopping();
    parts_.forwarded.fetch_add(1, std::memory_order_relaxed);
    started_ = true;
    auto headers = answer_headers(head->headers, request_id_);
    if (cors_ != nullptr) cors_->mark(headers, exchange_.request().headers);
    exchange_.start({.status = head->status,
                     .headers = std::move(headers),
                     .content_length = head->content_length,
                     .ended = !head->has_body,
                     .no_trailers = !head->may_have_trailers});
    // What has begun is told at once, though nothing may come for long.
    stream_ != nullptr && head->has_body ? pass({}) : read_answer();
  }

  void read_answer() {
    call_.read_body([self = shared_from_this()](http::CallResult<std::string_view> piece) {
      if (self->over_) return;
      if (!piece) return self->fail(piece.error());
      if (piece->empty()) return self->finish();
      if (self->stream_ != nullptr) self->stream_->sent(piece->size());
      self->pass(*piece);
    });
  }

  void pass(std::string_view piece) {
    writing_ = true;
    exchange_.write(piece, [self = shared_from_this()](Result<void> written) {
      self->writing_ = false;
      if (self->last_words_) return self->say_last_words(written.has_value());
      if (self->over_) return;
      if (!written) return self->end_without_answer();
      self->read_answer();
    });
  }

  void finish() {
    over_ = true;
    if (stream_ != nullptr) stream_->end("finished");
    exchange_.finish(answer_trailers(call_.take_trailers()));
    let_go();
  }

  void fail(const http::CallError& error) {
    over_ = true;
    if (stream_ != nullptr) stream_->end("broken_by_api");
    parts_.failures.fetch_add(1, std::memory_order_relaxed);
    say_trouble(error);
    if (started_) {
      parts_.broken_off.fetch_add(1, std::memory_order_relaxed);
      exchange_.abort();
    } else {
      respond(trouble_answer(error.kind, request_id_));
    }
    let_go();
  }

  // The server may have answered for us (413, 408): then its answer is still on the way, and only a streamed
  // one is broken off.
  void end_without_answer() {
    over_ = true;
    if (started_) parts_.broken_off.fetch_add(1, std::memory_order_relaxed);
    if (stream_ != nullptr) stream_->end("closed_by_caller");
    stream_.reset();
    const http::Exchange dropped = std::move(exchange_);
    call_ = {};
  }

  const std::shared_ptr<void> keeps_;
  const ForwardingParts parts_;
  http::Exchange exchange_;
  http::UpstreamCall call_;
  const enforce::RequestId request_id_;
  const std::optional<std::string> read_;
  const std::shared_ptr<const Cors> cors_;
  StreamBasis basis_;  // until the stream has it, if it becomes one
  std::shared_ptr<OpenStreams::Stream> stream_;
  http::Deadline whole_;
  bool started_ = false;                     // the answer has begun
  bool writing_ = false;                     // a piece of it is under way
  std::optional<http::Headers> last_words_;  // to be said behind that piece
  bool over_ = false;                        // callbacks that still come mean nothing
};

}  // namespace

void forward_request(const ForwardingParts& parts, ForwardingRequest request, std::shared_ptr<void> keeps) {
  auto headers = std::move(request.headers);
  const auto party = request.party;
  std::make_shared<Forwarding>(parts, std::move(request), std::move(keeps))->begin(std::move(headers), party);
}

}  // namespace writ::gateway
