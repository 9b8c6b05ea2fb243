#include <fmt/format.h>
#include <utility>

#include "base/append.h"
#include "base/require.h"
#include "http/h1/client_connection.h"
#include "http/h1/response_writer.h"
#include "http/h2/client_call.h"

namespace writ::http {
namespace {

constexpr std::size_t kUsualHeadBytes = 1024;

}  // namespace

void CallState::find_connection() {
  write_head(origin_);
  take_connection(true);
}

void CallState::write_head(const Origin& origin) {
  head_.reserve(kUsualHeadBytes);
  append(head_, request_.method, " ", origin.path_prefix, request_.target,
         " HTTP/1.1\r\nHost: ", origin.authority, "\r\n");
  for (std::size_t i = 0; i < request_.headers.size(); ++i) {
    const Header header = request_.headers[i];
    if (is_connection_field(header.name) || equal_ignoring_case(header.name, "host") ||
        equal_ignoring_case(header.name, "expect"))
      continue;
    if (!is_token(header.name) || !is_field_value(header.value)) continue;
    append(head_, header.name, ": ", header.value, "\r\n");
  }
  if (request_.has_body && !request_.content_length) {
    head_.append("Transfer-Encoding: chunked\r\n");
  } else if (request_.has_body || request_.method == "POST" || request_.method == "PUT" ||
             request_.method == "PATCH") {
    // RFC 9110 §8.6: these methods say so when there is no content.
    const fmt::format_int length(length_left_);
    append(head_, "Content-Length: ", std::string_view(length.data(), length.size()), "\r\n");
  }
  if (request_.web_socket) head_.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  head_.append("\r\n");
}

void CallState::take_connection(bool pooled) {
  OriginPool& pool = core_->per_loop[loop_].pool(origin_.pool);
  if (pooled && !pool.idle.empty()) {
    connection_ = std::move(pool.idle.back());
    pool.idle.pop_back();
    // What may be sent only once goes to no connection that has closed, noticed or not.
    if (!may_be_sent_twice() && !connection_->is_quiet()) {
      std::exchange(connection_, nullptr)->close();
      return take_connection(pooled);  // the pool may be gone with its last connection
    }
    core_->reused.fetch_add(1, std::memory_order_relaxed);
    connection_->attach(*this);
    return on_connected();
  }
  if (pool.open >= core_->options.max_connections_per_origin) {
    return fail(CallError::Kind::kOverloaded,
                fmt::format("upstream {} has {} connections already", origin_.authority, pool.open));
  }
  const bool http2 = origin_.http2 == Http2::kOffered && !request_.web_socket;
  connection_ = std::make_shared<ClientConnection>(core_, loop_, origin_, http2);
  connection_->attach(*this);
  connection_->connect();
  if (request_.timeouts.connect && connection_) connection_->expire_after(*request_.timeouts.connect);
}

// What was to be sent stands in the connection's queue as HTTP/1, and has not been.
void CallState::go_on_over_http2() {
  const auto connection = std::exchange(connection_, nullptr);
  connection->queue.clear();
  connection->detach();
  auto call = std::make_shared<Http2Call>(core_, loop_, origin_, std::move(request_));
  call->go_on(*this, connection);
  other_ = call;
  if (write_callback_ && request_done_) {
    call->finish_body(std::exchange(write_callback_, nullptr), std::move(trailers_));
  } else if (write_callback_) {
    call->write_body(piece_, std::exchange(write_callback_, nullptr));
  }
  if (head_callback_) call->read_head(std::exchange(head_callback_, nullptr));
}

void CallState::on_connected() {
  if (connection_->speaks_http2()) return go_on_over_http2();
  if (!request_.has_body) {
    connection_->queue.add(head_);
    head_sent_ = true;
    connection_->send();
  } else if (!connection_->queue.empty() || write_callback_) {
    send_request();
  }
  if (connection_) connection_->receive();
}

// The piece of the body is in `chunk_` and the queue of waiting bytes; see write_body.
void CallState::send_request() {
  head_sent_ = true;
  connection_->send();
}

void CallState::on_sent() {
  connection_->expire_never();
  post(write_callback_, CallResult<void>());
  if (request_done_) wait_for_answer();
}

void CallState::wait_for_answer() {
  if (!head_ready_ && connection_)
    connection_->expire_after(request_.timeouts.first_byte.value_or(core_->options.read_timeout));
}

void CallState::write_body(std::string_view bytes, Call::Done callback) {
  if (other_) return other_->write_body(bytes, std::move(callback));
  WRIT_REQUIRE((tunnel_ || (request_.has_body && !request_done_)) && !write_callback_);
  write_callback_ = std::move(callback);
  if (error_) return post(write_callback_, CallResult<void>(std::unexpected(*error_)));
  if (!connection_) return refuse_body();
  if (tunnel_ && !bytes.empty()) {
    connection_->queue.add(bytes);
    return connection_->send();
  }
  if (bytes.empty()) return post(write_callback_, CallResult<void>());
  piece_ = bytes;
  if (request_.content_length) {
    WRIT_REQUIRE(bytes.size() <= length_left_);
    length_left_ -= bytes.size();
  }
  if (!head_sent_) connection_->queue.add(head_);
  if (!request_.content_length) {
    chunk_.clear();
    append_chunk_size(chunk_, bytes.size());
    connection_->queue.add(chunk_);
  }
  connection_->queue.add(bytes);
  if (!request_.content_length) connection_->queue.add("\r\n");
  if (connection_->connected()) send_request();
}

// The answer has come to its end before the body: nobody reads the rest.
void CallState::refuse_body() {
  post(write_callback_, CallResult<void>(std::unexpected(
                            CallError{CallError::Kind::kBroken, "the upstream has answered already"})));
}

// RFC 9112 §7.1.2: what does not take trailers may lose them, and over HTTP/1 nobody says that it does.
void CallState::finish_body(Call::Done callback, Headers trailers) {
  if (other_) return other_->finish_body(std::move(callback), std::move(trailers));
  WRIT_REQUIRE(request_.has_body && !request_done_ && !write_callback_);
  write_callback_ = std::move(callback);
  if (error_) return post(write_callback_, CallResult<void>(std::unexpected(*error_)));
  if (!connection_) return refuse_body();
  if (request_.content_length && length_left_ > 0)
    return fail(CallError::Kind::kBroken, "the request's body is shorter than announced");
  request_done_ = true;
  trailers_ = std::move(trailers);
  if (!head_sent_) connection_->queue.add(head_);
  if (!request_.content_length) connection_->queue.add("0\r\n\r\n");
  if (connection_->connected()) send_request();
}

// ---- the answer ----

void CallState::on_received() {
  answer_begun_ = true;
  if (!head_ready_) return parse_head();
  if (body_callback_) continue_body();
}

void CallState::parse_head() {
  while (!head_ready_) {
    const std::string_view bytes = connection_->in.unread();
    const auto length = find_head_end(bytes, head_seen_, core_->head_limits());
    if (!length)
      return fail(CallError::Kind::kMalformed,
                  "the upstream's answer is malformed: " + length.error().message);
    if (*length == 0) {
      head_seen_ = bytes.size();
      if (!connection_->receive())
        fail(CallError::Kind::kMalformed, "the upstream's answer has too large a head");
      return;
    }
    head_seen_ = 0;
    connection_->in.use(*length);
    if (!take_head(bytes.substr(0, *length))) return;
  }
  connection_->expire_never();
  if (head_callback_) post(head_callback_, CallResult<InboundHead>(std::move(answer_)));
}

// False: the call has failed. An interim answer (1xx) is skipped.
bool CallState::take_head(std::string_view head) {
  Headers headers;
  const auto checked = read_response_head(head, core_->head_limits(), headers);
  if (!checked) {
    fail(CallError::Kind::kMalformed, "the upstream's answer is malformed: " + checked.error().message);
    return false;
  }
  tunnel_ = checked->status == 101 && request_.web_socket;
  if (checked->status == 101 && !tunnel_) {
    fail(CallError::Kind::kMalformed, "the upstream switched protocols without having been asked");
    return false;
  }
  // RFC 9110 §15.2: a client skips interim answers it did not ask for.
  if (checked->status < 200 && !tunnel_) return true;
  framing_ = checked->framing;
  answer_ = {.status = checked->status,
             .headers = std::move(headers),
             .has_body = false,
             .content_length = std::nullopt};
  // RFC 9112 §6.3 rule 1: no body follows, whatever the fields say.
  const bool bodiless = request_.method == "HEAD" || checked->status == 204 || checked->status == 304;
  if (!framing_.chunked) answer_.content_length = framing_.content_length;
  if (tunnel_) {
    body_ = BodyReader::until_close();
    framing_.keep_alive = false;
    answer_.content_length.reset();
  } else if (bodiless) {
    body_ = BodyReader();
  } else if (framing_.chunked || framing_.content_length) {
    body_ = BodyReader(framing_);
  } else {
    // RFC 9112 §6.3 rule 8: neither length nor chunks: the body ends with the connection.
    body_ = BodyReader::until_close();
    framing_.keep_alive = false;
  }
  answer_.has_body = !body_.done();
  head_ready_ = true;
  return true;
}

void CallState::read_head(Call::HeadDone callback) {
  if (other_) return other_->read_head(std::move(callback));
  WRIT_REQUIRE(!head_callback_);
  head_callback_ = std::move(callback);
  if (error_) return post(head_callback_, CallResult<InboundHead>(std::unexpected(*error_)));
  if (head_ready_) post(head_callback_, CallResult<InboundHead>(std::move(answer_)));
}

void CallState::read_body(Call::PieceDone callback) {
  if (other_) return other_->read_body(std::move(callback));
  WRIT_REQUIRE(head_ready_ || error_);
  WRIT_REQUIRE(!body_callback_);
  body_callback_ = std::move(callback);
  if (error_) return post(body_callback_, CallResult<std::string_view>(std::unexpected(*error_)));
  continue_body();
}

void CallState::continue_body() {
  if (!body_.done()) {
    const auto progress = body_.read(connection_->in.unread());
    connection_->in.use(progress.used);
    switch (progress.step) {
      case BodyReader::Step::kPiece:
        if (!tunnel_) connection_->expire_never();  // of a tunnel, a write may be under way
        return post(body_callback_, CallResult<std::string_view>(progress.piece));
      case BodyReader::Step::kMalformed:
        return fail(CallError::Kind::kMalformed, "the upstream's chunked answer is malformed");
      case BodyReader::Step::kNeedMore:
        if (!tunnel_) connection_->expire_after(request_.timeouts.idle.value_or(core_->options.read_timeout));
        if (!connection_->receive())
          fail(CallError::Kind::kMalformed, "the upstream's chunked answer is malformed");
        return;
      case BodyReader::Step::kEnd:
        break;
    }
  }
  end_body();
}

void CallState::end_body() {
  post(body_callback_, CallResult<std::string_view>(std::string_view()));
  give_share_back();
  const auto connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  connection->detach();
  // Bytes after the answer, or an answer before the request's end: the next answer could be anyone's.
  const bool clean =
      framing_.keep_alive && request_done_ && connection->queue.empty() && connection->in.empty();
  clean ? connection->release() : connection->close();
}

// ---- ends ----

bool CallState::may_send_again() const {
  return connection_->reused() && !answer_begun_ && (!head_sent_ || may_be_sent_twice());
}

void CallState::on_closed(bool whole) {
  // RFC 9112 §6.3 rule 8: the end of the connection is the end of such a body. §8: one that broke is not.
  if (head_ready_ && body_.ends_with_connection() && whole) {
    body_ = BodyReader();
    if (body_callback_) end_body();
    return;
  }
  if (head_ready_ && body_.done()) return;
  if (!head_ready_ && may_send_again()) {
    connection_->detach();
    connection_->close();
    head_sent_ = false;
    core_->retries.fetch_add(1, std::memory_order_relaxed);
    take_connection(false);
    return;
  }
  fail(CallError::Kind::kBroken, head_ready_
                                     ? "the upstream closed the connection in the middle of its answer"
                                     : "the upstream closed the connection before it answered");
}

void CallState::fail(CallError::Kind kind, std::string message) {
  if (other_) return other_->fail(kind, std::move(message));
  if (error_) return;
  error_ = CallError{
      .kind = kind, .message = std::move(message), .unsent = !head_sent_, .unanswered = !answer_begun_};
  give_share_back();
  if (const auto connection = std::exchange(connection_, nullptr)) {
    connection->detach();
    connection->close();
  }
  // A head that came before the end is still good: an upstream may answer, and close without reading on.
  tell_error();
}

Headers CallState::take_trailers() {
  return other_ ? other_->take_trailers() : Headers();
}

Outbound CallState::take_back() {
  return other_ ? other_->take_back() : CallSide::take_back();
}

void CallState::drop() noexcept {
  if (other_) return other_->drop();
  give_share_back();
  const auto connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  connection->detach();
  connection->close();
}

}  // namespace writ::http
