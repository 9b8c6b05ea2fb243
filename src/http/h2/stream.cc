#include "http/h2/stream.h"

#include <algorithm>
#include <cstdio>
#include <new>
#include <nghttp2/nghttp2.h>
#include <utility>

#include "base/require.h"
#include "http/h2/sent_fields.h"
#include "http/h2/session.h"
#include "http/web_socket.h"

namespace writ::http {

Http2Stream::Http2Stream(std::shared_ptr<Connection> connection, Http2Session& session, std::int32_t id)
    : connection_(std::move(connection)), session_(session), id_(id) {
  loop_ = connection_->loop();
  carries_trailers_ = true;
  request_.peer_ip = connection_->peer().text();
  request_.peer_certificate = connection_->peer_certificate();
  request_.peer_names = connection_->peer_names();
  fields_ =
      std::make_unique<RequestFields>(head_limits(core().options), request_, core().options.web_sockets);
  terms_.begin(core());
  watch(core().loops.impl().loops[loop_]->deadlines);
  session_.note_begun();
}

Http2Stream::~Http2Stream() {
  terms_.let_go();
  leave();
}

void Http2Stream::leave() noexcept {
  if (std::exchange(counts_, false)) session_.note_gone();
}

// A step that fails ends this stream and no other.
template <class Step>
void Http2Stream::guarded(Step step) noexcept {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    core().out_of_memory.fetch_add(1, std::memory_order_relaxed);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "writ: defect: exception on a stream: %s\n", exception.what());
  }
  connection_->guarded([this] { reset(NGHTTP2_INTERNAL_ERROR); });
}

// ---- the request ----

bool Http2Stream::head_complete(bool ended) {
  auto framing = fields_->finish(ended);
  fields_ = nullptr;
  ended_ = ended;
  if (framing) {
    framing_ = *framing;
    if (framing_.web_socket) {
      // What the fields of HTTP/1.1 would say, so that handlers know one kind of WebSocket.
      request_.headers.add("Connection", "Upgrade");
      request_.headers.add("Upgrade", "websocket");
      // RFC 8441 §5.1: a key has no meaning here. HAProxy sends its caller's all the same.
      request_.headers.set("Sec-WebSocket-Key", new_web_socket_key());
    }
    refusal_ = connection_->tell_source(request_);
  } else if (framing.error().malformed) {
    return false;
  } else {
    refusal_ = std::move(framing).error().refusal;
  }
  continue_due_ = framing_.expect_continue && !ended;
  state_ = State::kHandling;
  return true;
}

bool Http2Stream::add_body(std::string_view bytes) {
  received_ += bytes.size();
  // RFC 9113 §8.1.1: more than the content-length says.
  if (!is_over() && framing_.content_length && received_ > *framing_.content_length) return false;
  // Nobody reads on behind an answer that is whole.
  if (end_sent_ || (state_ != State::kHandling && state_ != State::kStreaming)) {
    drop(bytes.size());
    return true;
  }
  in_.append(bytes);
  return true;
}

bool Http2Stream::add_trailer(std::string_view name, std::string_view value) {
  return trailers_read_.add(name, value, head_limits(core().options));
}

bool Http2Stream::end_body() {
  ended_ = true;
  trailers_ = trailers_read_.take();
  return !framing_.content_length || received_ == *framing_.content_length;
}

void Http2Stream::take_turn() {
  if (state_ == State::kClosed) return;
  if (!handed_out_) {
    if (is_yet_to_end()) return wait_for_end();
    handed_out_ = true;
    return hand_out();
  }
  if (!body_callback_ && !whole_callback_) return;
  guarded([this] {
    if (terms_.waiting() && body_callback_) {
      terms_.came(core(), in_.size());
      body_due_ = kNever;
    }
    whole_callback_ ? collect_body() : continue_body();
  });
}

// RFC 9113 §8.1.1: with a byte behind a length of nothing it is malformed. Whoever forwards a request without
// a body would have sent it on by then.
bool Http2Stream::is_yet_to_end() const noexcept {
  return !ended_ && framing_.content_length == 0u;
}

void Http2Stream::wait_for_end() {
  if (body_due_ != kNever) return;
  guarded([this] {
    send_continue();
    body_due_ = std::chrono::steady_clock::now() + core().options.body_timeout;
    arm();
  });
}

void Http2Stream::hand_out() {
  if (body_due_ != kNever) {
    body_due_ = kNever;
    arm();
  }
  if (refusal_) return guarded([this] { refuse(*std::exchange(refusal_, std::nullopt)); });
  connection_->request_begins();
  try {
    core().handler->handle(Exchange(shared_from_this()));
  } catch (const std::exception&) {
    // The exchange went with it, and has answered 500.
  }
}

// In the memory that every stream has.
bool Http2Stream::body_at_hand() const noexcept {
  return ended_ && in_.size() <= kBufferBytes;
}

void Http2Stream::keep_body() {
  if (body_at_hand()) return;
  terms_.charge(&core().known_bytes);
  terms_.set_one_deadline();
}

// RFC 9110 §10.1.1: the client waits for this before it sends the body.
void Http2Stream::send_continue() {
  if (!std::exchange(continue_due_, false) || received_ > 0 || ended_) return;
  session_.submit_continue(id_);
}

void Http2Stream::read_body(BodyCallback callback) {
  WRIT_REQUIRE(!body_callback_ && !whole_callback_);
  body_callback_ = std::move(callback);
  if (state_ == State::kClosed) return fail_body(ErrorCode::kUnavailable, "the client's request is closed");
  if (framing_.content_length.value_or(0) > core().options.max_stream_bytes)
    return refuse(streamed_body_too_large());
  send_continue();
  continue_body();
}

void Http2Stream::continue_body() {
  if (in_.empty()) {
    if (!ended_) return wait_for_piece();
    body_due_ = kNever;
    arm();
    return post_body(std::string_view());
  }
  body_bytes_ += in_.size();
  if (body_bytes_ > core().options.max_stream_bytes && !tunnel_) return refuse(streamed_body_too_large());
  if (!terms_.hold(core(), in_.size())) return refuse(no_memory_for_body());
  piece_.swap(in_);
  in_.clear();
  arm();
  session_.consume(id_, piece_.size());
  post_body(std::string_view(piece_));
}

void Http2Stream::read_whole_body(std::uint64_t max_bytes, BodyOf whose,
                                  std::move_only_function<void(Exchange)> callback) {
  // Whoever looked at the head may have waited on another thread.
  if (!connection_->on_loop()) {
    try {
      return core().loops.post(
          loop_, [self = shared_from_this(), max_bytes, whose, callback = std::move(callback)]() mutable {
            self->guarded([&] { self->read_whole_body(max_bytes, whose, std::move(callback)); });
          });
    } catch (const std::bad_alloc&) {
      const Exchange unanswered(shared_from_this());  // answers 500 as it goes
      return;
    }
  }
  WRIT_REQUIRE(!body_callback_ && !whole_callback_ && body_bytes_ == 0);
  if (state_ == State::kClosed) return;
  const auto& options = core().options;
  terms_.charge(body_at_hand()            ? nullptr
                : whose == BodyOf::kKnown ? &core().known_bytes
                                          : &core().stranger_bytes);
  whole_max_ = max_bytes == 0 ? options.max_body_bytes : std::min(max_bytes, options.max_body_bytes);
  whole_callback_ = std::move(callback);
  if (framing_.content_length.value_or(0) > whole_max_) return refuse(body_too_large(whole_max_));
  send_continue();
  collect_body();
}

void Http2Stream::collect_body() {
  if (request_.body.size() + in_.size() > whole_max_) return refuse(body_too_large(whole_max_));
  if (!terms_.hold(core(), in_.size())) return refuse(no_memory_for_body());
  if (!in_.empty()) {
    request_.body.append(in_);
    session_.consume(id_, in_.size());
    in_.clear();
  }
  if (!ended_) {
    // From the first wait on, all of it has one deadline.
    if (!terms_.waiting()) wait_for_piece();
    return;
  }
  body_due_ = kNever;
  arm();
  std::exchange(whole_callback_, nullptr)(Exchange(shared_from_this()));
}

// ---- deadlines ----

void Http2Stream::let_last() {
  lasting_ = true;
  body_due_ = kNever;
  arm();
}

void Http2Stream::wait_for_piece() {
  if (lasting_) return;
  body_due_ = std::chrono::steady_clock::now() + terms_.wait();
  arm();
}

void Http2Stream::wait_for_window() {
  write_due_ = out_.empty() ? kNever : std::chrono::steady_clock::now() + core().options.write_timeout;
  arm();
}

void Http2Stream::arm() {
  const auto due = std::min(body_due_, write_due_);
  if (due == kNever) return expire_never();
  expire_after(std::chrono::ceil<std::chrono::milliseconds>(due - std::chrono::steady_clock::now()));
}

void Http2Stream::on_deadline() {
  const auto self = shared_from_this();
  const auto now = std::chrono::steady_clock::now();
  guarded([&] {
    // The peer's window has been shut for too long: whoever waits behind it is let go.
    if (write_due_ <= now) return reset(NGHTTP2_CANCEL);
    if (body_due_ > now) return arm();
    if (end_sent_) return reset(NGHTTP2_NO_ERROR);
    if (state_ != State::kHandling) return reset(NGHTTP2_CANCEL);
    body_due_ = kNever;
    handed_out_ = true;  // and never will be to somebody else
    refuse(body_too_slow());
  });
}

// ---- the answer ----

// The server's own answer to what it can't or won't take.
void Http2Stream::refuse(const FramingRefusal& refusal) {
  core().malformed.fetch_add(1, std::memory_order_relaxed);
  if (state_ != State::kHandling || answered_) return reset(NGHTTP2_CANCEL);
  whole_callback_ = nullptr;
  fail_body(ErrorCode::kInvalid, refusal.message);
  say_met(refusal.status);
  auto response = error_response(refusal.status, refusal.code, refusal.message);
  for (std::size_t i = 0; i < added_.size(); ++i) response.headers.add(added_[i].name, added_[i].value);
  send_response(std::move(response));
}

void Http2Stream::respond(Response response) {
  if (!connection_->on_loop()) {
    return core().loops.post(loop_, [self = shared_from_this(), response = std::move(response)]() mutable {
      self->guarded([&] { self->respond(std::move(response)); });
    });
  }
  if (state_ != State::kHandling || answered_) return;  // closed, or refused meanwhile
  guarded([&] { send_response(std::move(response)); });
}

void Http2Stream::send_response(Response response) {
  answered_ = true;
  state_ = State::kAnswering;
  const bool bodiless = response.status == 204 || response.status == 304;
  const ResponseFields fields(response.status, response.headers,
                              bodiless ? std::nullopt : std::optional<std::uint64_t>(response.body.size()),
                              true);
  const bool has_body = !bodiless && request_.method != "HEAD" && !response.body.empty();
  if (has_body) out_body_ = std::move(response.body);
  out_ = out_body_;
  finishing_ = true;
  session_.submit_response(*this, fields, has_body ? Http2Session::Body::kReady : Http2Session::Body::kNone);
  wait_for_window();
}

void Http2Stream::start(ResponseHead head) {
  if (state_ != State::kHandling || answered_) return;
  answered_ = true;
  state_ = State::kStreaming;
  if (head.status == 101) return start_tunnel(std::move(head));
  const bool bodiless = head.status == 204 || head.status == 304;
  no_body_ = bodiless || head.ended || request_.method == "HEAD";
  counted_ = head.content_length.has_value();
  length_left_ = head.content_length.value_or(0);
  const ResponseFields fields(head.status, head.headers, bodiless ? std::nullopt : head.content_length,
                              false);
  ends_counted_ = head.no_trailers && head.content_length.value_or(0) > 0 && !no_body_;
  session_.submit_response(*this, fields, no_body_ ? Http2Session::Body::kNone : Http2Session::Body::kLater);
}

// RFC 8441 §5: 200, and from there on both sides send what they like, in DATA. As over HTTP/1.1, only a write
// that is not taken has a deadline.
void Http2Stream::start_tunnel(ResponseHead head) {
  WRIT_REQUIRE(framing_.web_socket);
  tunnel_ = lasting_ = true;
  head.headers.remove("Sec-WebSocket-Accept");
  session_.submit_response(*this, ResponseFields(200, head.headers, std::nullopt, false),
                           Http2Session::Body::kReady);
}

void Http2Stream::write(std::string_view bytes, DoneCallback callback) {
  WRIT_REQUIRE(!write_callback_);
  write_callback_ = std::move(callback);
  if (state_ != State::kStreaming)
    return post_written(failure(ErrorCode::kUnavailable, "the client's request is closed"));
  if (counted_ && !no_body_ && bytes.size() > length_left_) return reset(NGHTTP2_INTERNAL_ERROR);
  if (bytes.empty() || no_body_) return post_written({});
  if (counted_) length_left_ -= bytes.size();
  out_ = bytes;
  session_.resume(id_);
  wait_for_window();
}

void Http2Stream::finish(Headers trailers) {
  if (state_ != State::kStreaming) return;
  trailers_out_ = std::move(trailers);
  WRIT_REQUIRE(!write_callback_);
  // A body shorter than announced: the client must not take it for whole.
  if (counted_ && !no_body_ && length_left_ > 0) return reset(NGHTTP2_INTERNAL_ERROR);
  state_ = State::kAnswering;
  finishing_ = true;
  if (!no_body_) session_.resume(id_);
}

void Http2Stream::abort() {
  if (connection_->on_loop()) return guarded([this] { reset(NGHTTP2_INTERNAL_ERROR); });
  core().loops.post(loop_, [self = shared_from_this()] { self->abort(); });
}

void Http2Stream::abandoned() {
  // Once the loops have stopped there is nobody to answer to.
  if (core().loops.impl().stopped) return;
  if (!connection_->on_loop())
    return core().loops.post(loop_, [self = shared_from_this()] { self->abandoned(); });
  if (state_ == State::kHandling && !answered_) {
    return guarded([this] {
      respond(
          error_response(500, "internal_error", "the request was not answered; this is a defect in writ"));
    });
  }
  // The head was all of the answer.
  if (state_ == State::kStreaming && end_sent_) return finish({});
  if (state_ == State::kStreaming) guarded([this] { reset(NGHTTP2_INTERNAL_ERROR); });
}

void Http2Stream::sent(std::size_t count) {
  out_.remove_prefix(count);
  wait_for_window();
}

// What is left of the request is read and dropped for a while. RFC 9113 §8.1: then its sender is asked to
// stop.
void Http2Stream::end_sent() {
  end_sent_ = true;
  write_due_ = kNever;
  if (ended_) return;
  fail_body(ErrorCode::kUnavailable, "the request is answered");
  drop(in_.size());
  in_.clear();
  body_due_ = std::chrono::steady_clock::now() + core().options.body_timeout;
  arm();
}

void Http2Stream::drop(std::size_t bytes) {
  session_.consume(id_, bytes);
  dropped_ += bytes;
  if (dropped_ > h2::kMaxDroppedBytes) reset(NGHTTP2_NO_ERROR);
}

void Http2Stream::tell_written() {
  if (state_ != State::kClosed && piece_is_out()) post_written({});
}

// ---- the end ----

void Http2Stream::reset(std::uint32_t code) {
  if (state_ == State::kClosed) return;
  session_.reset(id_, code);
  end();
}

void Http2Stream::end() noexcept {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  unwatch();
  whole_callback_ = nullptr;
  const bool all_sent = end_sent_ && out_.empty();
  // Whoever has the whole answer may ask for something else, before the exchange has heard of it. One that
  // was dropped by its caller may have work that goes on.
  if (end_sent_) leave();
  out_ = {};
  session_.drop_unread(in_.size());
  in_ = std::string();
  try {
    fail_body(ErrorCode::kUnavailable,
              end_sent_ ? "the request is answered" : "the client's request is closed");
    if (write_callback_ && all_sent) post_written({});
    if (write_callback_) post_written(failure(ErrorCode::kUnavailable, "the client's request is closed"));
  } catch (const std::bad_alloc&) {
    // Whoever waits is let go without a word; what they hold ends with them.
    body_callback_ = nullptr;
    write_callback_ = nullptr;
  }
}

void Http2Stream::fail_body(ErrorCode code, std::string message) {
  if (body_callback_) post_body(failure(code, std::move(message)));
}

void Http2Stream::post_body(Result<std::string_view> piece) {
  asio::post(connection_->stream().get_executor(),
             [self = shared_from_this(), callback = std::exchange(body_callback_, nullptr),
              piece = std::move(piece)]() mutable { self->guarded([&] { callback(std::move(piece)); }); });
}

void Http2Stream::post_written(Result<void> result) {
  asio::post(connection_->stream().get_executor(),
             [self = shared_from_this(), callback = std::exchange(write_callback_, nullptr),
              result = std::move(result)]() mutable { self->guarded([&] { callback(std::move(result)); }); });
}

}  // namespace writ::http
