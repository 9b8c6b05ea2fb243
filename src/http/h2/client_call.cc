#include "http/h2/client_call.h"

#include <algorithm>
#include <fmt/format.h>
#include <nghttp2/nghttp2.h>
#include <utility>

#include "base/require.h"
#include "http/h1/client_connection.h"
#include "http/h2/client_session.h"
#include "http/h2/sent_fields.h"

namespace writ::http {
Http2Call::Http2Call(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin,
                     Outbound request)
    : CallSide(std::move(core), loop, origin, std::move(request)) {
  watch(core_->loops.impl().loops[loop_]->deadlines);
}

void Http2Call::go_on(CallSide& before, const std::shared_ptr<ClientConnection>& connection) {
  take_over(before);
  auto session = Http2ClientSession::find(*core_, loop_, origin_);
  if (session != nullptr) {
    connection->close();
  } else {
    session = Http2ClientSession::make(core_, loop_, origin_, connection);
  }
  submit(std::move(session));
}

void Http2Call::find_connection() {
  auto session = Http2ClientSession::find(*core_, loop_, origin_);
  if (session != nullptr && session->proven()) core_->reused.fetch_add(1, std::memory_order_relaxed);
  if (session == nullptr) session = Http2ClientSession::make(core_, loop_, origin_);
  if (session == nullptr)
    return fail(CallError::Kind::kOverloaded,
                fmt::format("upstream {} has as many connections as it may have", origin_.authority));
  submit(std::move(session));
}

void Http2Call::submit(std::shared_ptr<Http2ClientSession> session) {
  on_proven_ = session->proven();
  id_ = session->open(shared(), CallFields(request_, origin_), request_.has_body);
  if (id_ == 0) return fail(CallError::Kind::kUnreachable, "the upstream takes no requests any more");
  session_ = std::move(session);
  attached_ = true;
  if (session_->connected()) return connected();
  if (request_.timeouts.connect) read_within(*request_.timeouts.connect);
}

// With a body, the time for an answer begins at its end.
void Http2Call::connected() {
  if (!request_.has_body) return read_within(first_byte());
  read_due_ = kNever;
  arm();
}

// False: it is not safe, or was done often enough.
bool Http2Call::try_again(bool refused) {
  const bool safe = refused || (on_proven_ && tries_ == 1 && (!head_sent_ || may_be_sent_twice()));
  if (!safe || told_ || answer_begun_ || error_ || tries_ == kMaxTries) return false;
  ++tries_;
  core_->retries.fetch_add(1, std::memory_order_relaxed);
  attached_ = false;
  head_sent_ = end_sent_ = reset_by_peer_ = false;
  out_ = piece_;
  read_due_ = write_due_ = kNever;
  find_connection();
  return true;
}

// ---- the request ----

void Http2Call::write_body(std::string_view bytes, Call::Done callback) {
  WRIT_REQUIRE(request_.has_body && !request_done_ && !write_callback_);
  write_callback_ = std::move(callback);
  if (error_) return post(write_callback_, CallResult<void>(std::unexpected(*error_)));
  if (!attached_) return refuse_body();
  if (bytes.empty()) return post(write_callback_, CallResult<void>());
  if (request_.content_length) {
    WRIT_REQUIRE(bytes.size() <= length_left_);
    length_left_ -= bytes.size();
  }
  piece_ = out_ = bytes;
  session_->resume(id_);
  write_due_ = steady_now() + core_->options.write_timeout;
  arm();
}

void Http2Call::finish_body(Call::Done callback, Headers trailers) {
  WRIT_REQUIRE(request_.has_body && !request_done_ && !write_callback_);
  write_callback_ = std::move(callback);
  if (error_) return post(write_callback_, CallResult<void>(std::unexpected(*error_)));
  if (!attached_) return refuse_body();
  if (request_.content_length && length_left_ > 0)
    return fail(CallError::Kind::kBroken, "the request's body is shorter than announced");
  request_done_ = true;
  trailers_ = std::move(trailers);
  piece_ = {};
  session_->resume(id_);
  write_due_ = steady_now() + core_->options.write_timeout;
  arm();
}

// The answer has come to its end before the body: nobody reads the rest.
void Http2Call::refuse_body() {
  post(write_callback_, CallResult<void>(std::unexpected(
                            CallError{CallError::Kind::kBroken, "the upstream has answered already"})));
}

void Http2Call::sent(std::size_t count) {
  out_.remove_prefix(count);
  write_due_ = out_.empty() ? kNever : steady_now() + core_->options.write_timeout;
  arm();
}

void Http2Call::end_sent() {
  end_sent_ = true;
  write_due_ = kNever;
  has_head_ ? arm() : read_within(first_byte());
}

void Http2Call::tell_written() {
  if (error_ || !piece_is_out()) return;
  told_ = true;
  post(write_callback_, CallResult<void>());
}

// ---- the answer ----

void Http2Call::begin_block() {
  answer_begun_ = true;
  if (!has_head_) fields_ = std::make_unique<AnswerFields>(core_->head_limits());
}

void Http2Call::add_field(std::string_view name, std::string_view value) {
  if (fields_ != nullptr) return fields_->add(name, value);
  if (!answer_trailers_.add(name, value, core_->head_limits()))
    malformed("a trailer is not one of HTTP/2, or there are too many");
}

void Http2Call::end_block(bool ended) {
  if (!fault_.empty()) return;
  if (fields_ == nullptr) return ended ? end_body() : malformed("fields stand in the middle of its body");
  auto answer = std::exchange(fields_, nullptr)->finish();
  if (!answer) return malformed(answer.error());
  // RFC 9110 §15.2: a client skips interim answers it did not ask for.
  if (answer->status < 200) {
    if (ended) return malformed("it ends with an interim answer");
    if (++interim_ > h2::kMaxInterim) malformed("there are too many interim answers");
    return;
  }
  has_head_ = true;
  session_->note_proven();
  length_ = answer->content_length;
  no_body_ = request_.method == "HEAD" || answer->status == 204 || answer->status == 304;
  answer_ = {.status = answer->status,
             .headers = std::move(answer->headers),
             .has_body = !ended && !no_body_,
             .content_length = answer->content_length,
             .may_have_trailers = true};
  if (ended) end_body();
  if (!fault_.empty()) return;
  if (!answer_ended_) read_due_ = kNever;
  arm();
  if (head_callback_) post(head_callback_, CallResult<InboundHead>(std::move(answer_)));
}

bool Http2Call::add_body(std::string_view bytes) {
  if (error_) return false;
  received_ += bytes.size();
  if (!has_head_ || no_body_ || (length_ && received_ > *length_)) {
    malformed("its body is not the one that its head announces");
    return false;
  }
  in_.append(bytes);
  if (body_callback_) continue_body();
  return true;
}

void Http2Call::end_body() {
  if (error_ || answer_ended_) return;
  if (!has_head_) return malformed("it has no head");
  if (!no_body_ && length_ && received_ != *length_)
    return malformed("its body is shorter than its head says");
  answer_ended_ = true;
  read_due_ = kNever;
  arm();
  if (body_callback_) continue_body();
}

void Http2Call::malformed(std::string_view why) {
  if (!fault_.empty() || error_) return;
  fault_ = why;
  fail(CallError::Kind::kMalformed, fmt::format("the upstream's answer is malformed: {}", why));
}

void Http2Call::read_head(Call::HeadDone callback) {
  WRIT_REQUIRE(!head_callback_);
  head_callback_ = std::move(callback);
  if (has_head_) return post(head_callback_, CallResult<InboundHead>(std::move(answer_)));
  if (error_) post(head_callback_, CallResult<InboundHead>(std::unexpected(*error_)));
}

void Http2Call::read_body(Call::PieceDone callback) {
  WRIT_REQUIRE(has_head_ || error_);
  WRIT_REQUIRE(!body_callback_);
  body_callback_ = std::move(callback);
  if (error_) return post(body_callback_, CallResult<std::string_view>(std::unexpected(*error_)));
  continue_body();
}

void Http2Call::continue_body() {
  if (in_.empty()) {
    if (answer_ended_) return finish_answer();
    return read_within(request_.timeouts.idle.value_or(core_->options.read_timeout));
  }
  read_due_ = kNever;
  arm();
  reading_.swap(in_);
  in_.clear();
  session_->consume(id_, reading_.size());
  post(body_callback_, CallResult<std::string_view>(std::string_view(reading_)));
}

// RFC 9113 §8.1: an answer may be whole before its request is; nobody reads the rest of that.
void Http2Call::finish_answer() {
  post(body_callback_, CallResult<std::string_view>(std::string_view()));
  give_share_back();
  leave_session(NGHTTP2_CANCEL, false);
  whole_and_over();
}

void Http2Call::whole_and_over() {
  read_due_ = write_due_ = kNever;
  arm();
  out_ = {};
  if (write_callback_) refuse_body();
}

// ---- ends ----

void Http2Call::stream_over(std::uint32_t code) {
  attached_ = false;
  if (error_) return;
  if (answer_ended_) return whole_and_over();
  refused_ = code == NGHTTP2_REFUSED_STREAM && !answer_begun_;
  if (refused_) {
    if (try_again(true)) return;
    return fail(CallError::Kind::kUnreachable, "the upstream refused the request, and did nothing with it");
  }
  // What nghttp2 found wrong it resets by itself.
  if (!reset_by_peer_) return malformed(nghttp2_http2_strerror(code));
  fail(CallError::Kind::kBroken,
       fmt::format("the upstream reset the request {}: {}", has_head_ ? "in the middle of its answer" : "",
                   nghttp2_http2_strerror(code)));
}

void Http2Call::session_over(CallError::Kind kind, const std::string& message) {
  attached_ = false;
  if (error_) return;
  if (answer_ended_) return whole_and_over();
  if (kind == CallError::Kind::kBroken && try_again(false)) return;
  const bool broken = kind == CallError::Kind::kBroken && has_head_;
  fail(kind, broken ? "the upstream closed the connection in the middle of its answer" : message);
}

void Http2Call::leave_session(std::uint32_t code, bool given_up) noexcept {
  if (std::exchange(attached_, false)) session_->reset(id_, code, given_up);
}

void Http2Call::fail(CallError::Kind kind, std::string message) {
  if (error_) return;
  error_ = CallError{.kind = kind,
                     .message = std::move(message),
                     .unsent = !told_ && (!head_sent_ || refused_),
                     .unanswered = !answer_begun_};
  give_share_back();
  read_due_ = write_due_ = kNever;
  arm();
  // What nobody reads any more takes none of the others' window.
  if (session_ != nullptr && !in_.empty()) session_->consume(id_, in_.size());
  in_.clear();
  leave_session(kind == CallError::Kind::kMalformed ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_CANCEL,
                kind != CallError::Kind::kMalformed);
  tell_error();
}

void Http2Call::drop() noexcept {
  give_share_back();
  unwatch();
  try {
    if (session_ != nullptr && !in_.empty()) session_->consume(id_, in_.size());
  } catch (const std::bad_alloc&) {
    // The window of the connection stays smaller; it goes on.
  }
  in_.clear();
  leave_session(NGHTTP2_CANCEL, !answer_ended_);
}

// ---- deadlines ----

std::chrono::milliseconds Http2Call::first_byte() const {
  return request_.timeouts.first_byte.value_or(core_->options.read_timeout);
}

void Http2Call::read_within(std::chrono::milliseconds time) {
  read_due_ = steady_now() + time;
  arm();
}

void Http2Call::arm() {
  const auto due = std::min(read_due_, write_due_);
  if (due == kNever) return expire_never();
  expire_after(std::chrono::ceil<std::chrono::milliseconds>(due - steady_now()));
}

void Http2Call::on_deadline() {
  const auto self = shared_from_this();
  if (std::min(read_due_, write_due_) > steady_now()) return arm();
  const bool connected = attached_ && session_->connected();
  if (connected) session_->doubt();
  fail(CallError::Kind::kTimeout,
       fmt::format("{} {} {}", core_->options.peer, origin_.authority,
                   !connected                   ? "could not be connected to in time"
                   : write_due_ <= steady_now() ? "did not take the request in time"
                                                : "did not answer in time"));
}

}  // namespace writ::http
