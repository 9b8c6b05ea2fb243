#include "http/h1/connection.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/check.h"
#include "base/notice.h"
#include "base/require.h"
#include "http/h1/response_writer.h"
#include "http/h2/session.h"
#include "http/target.h"

namespace writ::http {
namespace {

constexpr std::size_t kCopiedBodyBytes = 16 * 1024;  // up to here one buffer beats two
constexpr std::uint64_t kMaxLingerBytes = 4 * 1024 * 1024;
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::chrono::milliseconds kNewcomersTime{1'000};

void assign_lower(std::string& out, std::string_view text) {
  out.assign(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

}  // namespace

HeadLimits head_limits(const ServerOptions& options) {
  return {.max_head_bytes = options.max_head_bytes,
          .max_headers = options.max_headers,
          .max_target_bytes = options.max_target_bytes};
}

Connection::Connection(std::shared_ptr<ServerCore> core, std::size_t loop, Tcp::socket socket,
                       const Address& peer, Places::Holder holder)
    : core_(std::move(core)),
      stream_(std::move(socket)),
      peer_(peer),
      holder_(holder),
      in_(kBufferBytes),
      may_be_http2_(core_->options.http2) {
  loop_ = loop;
  request_.peer_ip = peer.text();
}

Connection::~Connection() {
  WRIT_CHECK(state_ == State::kClosed || core_->loops.current() == Loops::none || on_loop());
  // Without memory even a callback may be lost, and the last reference with it.
  if (state_ != State::kClosed) {
    if (on_loop()) strike_off();
    leave();
  }
  // Until now somebody may still have been at work on it.
  terms_.let_go();
}

void Connection::begin() {
  guarded([this] { begin_unguarded(); });
}

void Connection::begin_unguarded() {
  SystemError error;
  stream_.socket().non_blocking(true, error);
  if (!error) stream_.socket().set_option(Tcp::no_delay(true), error);
  enlist();
  if (error || core_->ended) return close();
  close_after_ = core_->stopping;
  if (core_->options.proxy_protocol) return read_proxy_header();
  core_->options.tls != nullptr ? begin_tls() : opened();
}

void Connection::opened() {
  state_ = State::kHead;
  if (TlsSession* tls = stream_.tls()) {
    // RFC 9113 §3.2: over TLS, ALPN alone says so.
    may_be_http2_ = false;
    if (tls->protocol() == "h2") return begin_http2();
  }
  expire_after(core_->stopping ? kNewcomersTime : core_->options.idle_timeout);
  serve();
}

void Connection::expire_at(SteadyTime when) {
  if (when == kNever) return expire_never();
  expire_after(std::chrono::ceil<std::chrono::milliseconds>(when - std::chrono::steady_clock::now()));
}

void Connection::enlist() {
  watch(core_->loops.impl().loops[loop_]->deadlines);
  auto& own = core_->connections[loop_][holder_.source];
  among_own_ = own.size();
  own.push_back(this);
  core_->by_use[loop_].add(*this);
}

void Connection::strike_off() noexcept {
  unwatch();
  core_->by_use[loop_].remove(*this);
  auto& all = core_->connections[loop_];
  const auto own = all.find(holder_.source);
  if (own == all.end() || among_own_ >= own->second.size() || own->second[among_own_] != this) return;
  own->second[among_own_] = own->second.back();
  own->second[among_own_]->among_own_ = among_own_;
  own->second.pop_back();
  if (own->second.empty()) all.erase(own);
}

void Connection::leave() noexcept {
  core_->places.give_back(holder_);
  core_->open.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  if (http2_ != nullptr) http2_->closed();
  if (state_ == State::kHead || state_ == State::kHttp2)
    stream_.shutdown_send();  // an end that may come, and is told
  // What only the connection's end would end must not look whole.
  if (state_ == State::kStreaming && until_close_ && !tunnel_) stream_.reset_on_close();
  state_ = State::kClosed;
  stream_.close();
  strike_off();
  leave();
  whole_callback_ = nullptr;
  try {
    fail_body(ErrorCode::kUnavailable, "the client's connection is closed");
    if (write_callback_) post_written(failure(ErrorCode::kUnavailable, "the client's connection is closed"));
  } catch (const std::bad_alloc&) {
    // Whoever waits is let go without a word; what they hold ends with them.
    body_callback_ = nullptr;
    write_callback_ = nullptr;
  }
}

void Connection::drain_for_stop() {
  if (state_ == State::kHttp2) return guarded([this] { http2_->drain(); });
  close_after_ = true;
  const bool waits = state_ == State::kOpening || (state_ == State::kHead && !head_begun_);
  if (waits) served_ ? close() : expire_after(kNewcomersTime);
}

void Connection::on_deadline() {
  const auto self = shared_from_this();
  guarded([this] { end_late(); });
}

void Connection::end_late() {
  if (state_ == State::kHttp2) return http2_->on_deadline();
  const bool in_body = state_ == State::kHandling && (body_callback_ || whole_callback_);
  if (state_ == State::kHead && head_begun_) {
    refuse(
        {.status = 408, .code = "request_timeout", .message = "the request's head did not arrive in time"});
  } else if (in_body) {
    refuse(body_too_slow());
  } else {
    close();
  }
}

// ---- reading ----

void Connection::serve() {
  if (serving_) return;  // an answer was given inside handle(): the loop below goes on
  serving_ = true;
  guarded([this] {
    while (state_ == State::kHead && next_request()) {
    }
  });
  serving_ = false;
}

// False: more bytes are needed, and on their way.
bool Connection::next_request() {
  if (may_be_http2_ && !in_.empty() && begins_http2()) return false;
  if (head_begun_ == false && !in_.empty()) {
    // RFC 9112 §2.2: one empty line before the request line is ignored.
    if (in_.unread().starts_with("\r\n")) in_.use(2);
    if (!in_.empty() && in_.unread() != "\r") {
      head_begun_ = true;
      head_seen_ = 0;
    }
  }
  if (head_begun_) {
    const std::string_view bytes = in_.unread();
    const auto length = find_head_end(bytes, head_seen_, head_limits(core_->options));
    if (!length) return refuse(length.error()), true;
    if (*length > 0) {
      const std::string_view head = bytes.substr(0, *length);
      in_.use(*length);
      head_begun_ = false;
      expire_never();
      if (const auto refusal = accept_head(head)) {
        refuse(*refusal);
      } else {
        state_ = State::kHandling;
        request_begins();
        hand_out();
      }
      return true;
    }
    if (head_seen_ == 0) expire_after(core_->options.header_timeout);
    head_seen_ = bytes.size();
  }
  receive(kBufferBytes, std::max(core_->options.max_head_bytes, kBufferBytes));
  return false;
}

// RFC 9113 §3.3: with prior knowledge, HTTP/2 begins with its preface. What is not all of it yet is waited
// for as a head is.
bool Connection::begins_http2() {
  const auto have = in_.unread();
  if (!kHttp2Preface.starts_with(have.substr(0, kHttp2Preface.size()))) {
    may_be_http2_ = false;
    return false;
  }
  if (have.size() >= kHttp2Preface.size()) {
    begin_http2();
  } else {
    if (!std::exchange(head_begun_, true)) expire_after(core_->options.header_timeout);
    receive(kBufferBytes, kBufferBytes);
  }
  return true;
}

void Connection::begin_http2() {
  head_begun_ = false;
  http2_ = std::make_unique<Http2Session>(*this);
  state_ = State::kHttp2;
  core_->http2_connections.fetch_add(1, std::memory_order_relaxed);
  http2_->begin();
  if (core_->stopping && state_ == State::kHttp2) http2_->drain();
}

bool Connection::idle() const noexcept {
  if (state_ == State::kHttp2) return http2_->idle();
  return state_ == State::kHead || state_ == State::kDraining || state_ == State::kLingering ||
         state_ == State::kOpening;
}

void Connection::request_begins() noexcept {
  core_->requests.fetch_add(1, std::memory_order_relaxed);
  core_->by_use[loop_].used(*this);
}

void Connection::hand_out() {
  try {
    core_->handler->handle(Exchange(shared_from_this()));
  } catch (const std::exception&) {
    // The exchange went with it, and has answered 500.
  }
}

// Fills in request_, framing_ and body_, or says what is wrong.
std::optional<FramingRefusal> Connection::accept_head(std::string_view head) {
  answered_ = false;
  body_ = BodyReader();
  continue_due_ = false;
  body_bytes_ = 0;
  terms_.begin(*core_);
  added_.clear();
  kept_ = nullptr;
  request_.headers.clear();
  request_.body.clear();
  auto checked = read_request_head(head, head_limits(core_->options), request_.headers);
  if (!checked) return std::move(checked).error();
  framing_ = checked->framing;
  request_.method.assign(checked->method);
  request_.target.assign(checked->target);
  assign_lower(request_.host, checked->host);
  std::string target_host;
  const auto target =
      parse_target_into(checked->target, request_.path, request_.encoded_path, request_.query, target_host);
  if (!target)
    return FramingRefusal{.status = 400, .code = "malformed_request", .message = target.error().message};
  // RFC 9112 §3.2.2: the target's host is the one that counts; when Host says another, someone is being
  // misled.
  if (request_.host.empty()) request_.host = target_host;  // only HTTP/1.0 has no Host
  if (!target_host.empty() && target_host != request_.host)
    return FramingRefusal{.status = 400,
                          .code = "malformed_request",
                          .message = "the request target and the host header name different hosts"};
  if (auto refusal = tell_source(request_)) return refusal;
  body_ = BodyReader(framing_);
  if (auto refusal = accept_upgrade()) return refusal;
  continue_due_ = framing_.expect_continue && !body_.done();
  if (!framing_.keep_alive) close_after_ = true;
  return std::nullopt;
}

// Behind a proxy of the operator's, the request itself says whom it comes from.
std::optional<FramingRefusal> Connection::tell_source(Request& request) const {
  if (!holder_.proxy) return std::nullopt;
  const auto told =
      client_address(request.headers, peer_, core_->options.proxies, core_->options.forwarded_by);
  if (!told) return FramingRefusal{.status = 400, .code = "malformed_request", .message = told.error()};
  request.peer_ip = told->text();
  return std::nullopt;
}

void Connection::receive(std::size_t wanted, std::size_t max) {
  const ReceiveBuffer::Space space = in_.space(wanted, max);
  if (space.size == 0) return refuse(bad_body());
  receiving_ = true;
  stream_.async_receive(asio::buffer(space.data, space.size),
                        [self = shared_from_this()](SystemError error, std::size_t count) {
                          self->guarded([&] { self->on_received(error, count); });
                        });
}

void Connection::on_received(SystemError error, std::size_t count) {
  receiving_ = false;
  if (state_ == State::kClosed) return;
  if (error) return close();
  in_.filled(count);
  switch (state_) {
    case State::kHead:
      return serve();
    case State::kDraining:
      return drain();
    case State::kLingering:
      return linger();
    case State::kHttp2:
      return http2_->on_bytes();
    default:
      break;
  }
  if (whole_callback_) return collect_body();
  terms_.came(*core_, count);
  if (body_callback_) return continue_body();
}

// RFC 9112 §9.6: closing at once could reset the connection before the client has read the answer.
void Connection::linger() {
  if (state_ != State::kLingering) {
    state_ = State::kLingering;
    stream_.shutdown_send();
    expire_after(kLingerTime);
    body_bytes_ = 0;
  }
  const std::size_t got = in_.unread().size();
  in_.use(got);
  body_bytes_ += got;
  if (body_bytes_ > kMaxLingerBytes) return close();
  if (!receiving_) receive(kBufferBytes, kBodyBufferBytes);
}

// ---- answering ----

// What comes too slowly, or is too large. `request_malformed` of /metrics counts it.
void say_met(int status) {
  static Notice slow, large;
  const bool is_slow = status == 408, is_large = status == 413 || status == 414 || status == 431;
  if (!is_slow && !is_large) return;
  const auto times = (is_slow ? slow : large).due();
  if (!times) return;
  say_limit(is_slow ? fmt::format("requests come too slowly, and get 408 ({} times)", *times)
                    : fmt::format("requests are larger than `limits` allows, and get {} ({} times)", status,
                                  *times));
}

// The server's own answer to what it can't or won't take; the connection ends with it.
void Connection::refuse(const FramingRefusal& refusal) {
  core_->malformed.fetch_add(1, std::memory_order_relaxed);
  close_after_ = true;
  auto response = error_response(refusal.status, refusal.code, refusal.message);
  if (state_ == State::kHandling && !answered_) {
    for (std::size_t i = 0; i < added_.size(); ++i) response.headers.add(added_[i].name, added_[i].value);
    whole_callback_ = nullptr;
    fail_body(ErrorCode::kInvalid, refusal.message);
  } else if (state_ != State::kHead) {
    return close();
  }
  request_.method.clear();  // no HEAD: the body says what is wrong
  say_met(refusal.status);
  send_response(response);
}

void Connection::respond(Response response) {
  if (!on_loop()) {
    handed_over_ = std::move(response);
    return asio::post(context(), [self = shared_from_this()] {
      self->guarded([&] { self->respond(std::move(self->handed_over_)); });
    });
  }
  if (state_ != State::kHandling || answered_) return;  // closed, or refused meanwhile
  if (response.body.size() > kCopiedBodyBytes) out_body_ = std::move(response.body);
  guarded([&] { send_response(response); });
}

void Connection::send_response(const Response& response) {
  answered_ = true;
  state_ = State::kWriting;
  // A client that waits for `100 Continue` may or may not send its body now: there is no telling where the
  // next request would begin.
  if (continue_due_ || core_->draining) close_after_ = true;
  const std::string_view body = out_body_.empty() ? response.body : out_body_;
  const bool bodiless = response.status == 204 || response.status == 304;
  append_response_head(out_, {.status = response.status,
                              .headers = response.headers,
                              .framing = bodiless ? BodyFraming::kNone : BodyFraming::kLength,
                              .length = body.size(),
                              .close = close_after_,
                              .persist = framing_.http10,
                              .own = true});
  const bool send_body = !bodiless && request_.method != "HEAD";
  if (send_body && out_body_.empty()) out_.append(body);
  queue_.add(out_);
  if (send_body) queue_.add(out_body_);
  flush();
}

void Connection::start(ResponseHead head) {
  if (state_ != State::kHandling || answered_) return;
  answered_ = true;
  state_ = State::kStreaming;
  if (head.status == 101) return start_tunnel(head);
  if (head.ended && !head.content_length && request_.method != "HEAD") head.content_length = 0;
  const bool bodiless = head.status == 204 || head.status == 304;
  no_body_ = bodiless || request_.method == "HEAD";
  // RFC 9112 §6.1: HTTP/1.0 gets no transfer coding; what has no length then ends with the connection.
  chunked_ = !head.content_length.has_value() && !framing_.http10;
  until_close_ = !head.content_length.has_value() && !chunked_ && !no_body_;
  length_left_ = head.content_length.value_or(0);
  if (continue_due_ || core_->draining || until_close_) close_after_ = true;
  append_response_head(out_, {.status = head.status,
                              .headers = head.headers,
                              .framing = bodiless               ? BodyFraming::kNone
                                         : chunked_             ? BodyFraming::kChunked
                                         : !head.content_length ? BodyFraming::kUntilClose
                                                                : BodyFraming::kLength,
                              .length = length_left_,
                              .close = close_after_,
                              .persist = framing_.http10});
  head_pending_ = true;
}

void Connection::write(std::string_view bytes, DoneCallback callback) {
  WRIT_REQUIRE(!write_callback_);
  write_callback_ = std::move(callback);
  if (state_ != State::kStreaming)
    return post_written(failure(ErrorCode::kUnavailable, "the client's connection is closed"));
  const bool counted = !chunked_ && !until_close_;
  if (counted && !no_body_ && bytes.size() > length_left_) {
    close();
    return;
  }
  // Nothing sends the head, which else waits for what comes behind it.
  if ((bytes.empty() && !head_pending_) || no_body_) return post_written({});
  if (!head_pending_) out_.clear();
  head_pending_ = false;
  const bool chunk = chunked_ && !bytes.empty();
  if (chunk) {
    append_chunk_size(out_, bytes.size());
  } else if (counted) {
    length_left_ -= bytes.size();
  }
  queue_.add(out_);
  queue_.add(bytes);
  if (chunk) queue_.add("\r\n");
  flush();
}

// RFC 9112 §7.1.2: nobody said that trailers are taken, so they are dropped.
void Connection::finish(Headers) {
  if (state_ != State::kStreaming) return;
  WRIT_REQUIRE(!write_callback_);
  // A body shorter than announced: the client must not take it for whole.
  if (!chunked_ && !until_close_ && !no_body_ && length_left_ > 0) return close();
  finishing_ = true;
  if (head_pending_) queue_.add(out_);
  if (chunked_ && !no_body_) queue_.add("0\r\n\r\n");
  flush();
}

void Connection::abort() {
  if (on_loop()) return close();
  core_->loops.post(loop_, [self = shared_from_this()] { self->close(); });
}

void Connection::abandoned() {
  // Once the loops have stopped there is nobody to answer to.
  if (core_->loops.impl().stopped) return;
  if (!on_loop()) return core_->loops.post(loop_, [self = shared_from_this()] { self->abandoned(); });
  if (state_ == State::kHandling && !answered_) {
    return guarded([this] {
      respond(
          error_response(500, "internal_error", "the request was not answered; this is a defect in writ"));
    });
  }
  if (state_ == State::kStreaming) close();
}

void Connection::flush() {
  switch (queue_.send(stream_)) {
    case SendQueue::Sent::kAll:
      return on_written();
    case SendQueue::Sent::kFailed:
      return close();
    case SendQueue::Sent::kBlocked:
      break;
  }
  expire_after(core_->options.write_timeout);
  stream_.async_wait_to_write([self = shared_from_this()](SystemError error) {
    if (self->state_ == State::kClosed) return;
    if (error) return self->close();
    self->guarded([&] { self->flush(); });
  });
}

void Connection::on_written() {
  // The write is over; a body may still be waited for.
  if (body_callback_ && terms_.waiting()) {
    terms_.came(*core_, 0);
    wait_for_piece();
  } else {
    expire_never();
  }
  if (state_ == State::kStreaming && !finishing_) return post_written({});
  end_response();
}

// The answer is out. Reads the rest of the request's body, closes, or goes on to the next request.
void Connection::end_response() {
  if (body_callback_) fail_body(ErrorCode::kUnavailable, "the request is answered");
  const bool keep_alive = !close_after_ && !core_->stopping;
  if (keep_alive && !body_.done() && state_ != State::kDraining) {
    state_ = State::kDraining;
    body_bytes_ = 0;
    if (framing_.content_length.value_or(0) > kMaxDrainedBytes) return linger();
    expire_after(core_->options.body_timeout);
    return drain();
  }
  out_.clear();
  if (out_.capacity() > 2 * kCopiedBodyBytes) out_.shrink_to_fit();
  out_body_ = std::string();
  finishing_ = head_pending_ = false;
  if (!keep_alive) return linger();
  in_.shrink();
  if (request_.body.capacity() > kBufferBytes) request_.body = std::string();
  terms_.let_go();
  state_ = State::kHead;
  served_ = true;
  expire_after(core_->options.idle_timeout);
  serve();
}

void Connection::fail_body(ErrorCode code, std::string message) {
  if (body_callback_) post_body(failure(code, std::move(message)));
}

void Connection::post_body(Result<std::string_view> piece) {
  asio::post(context(),
             [self = shared_from_this(), callback = std::exchange(body_callback_, nullptr),
              piece = std::move(piece)]() mutable { self->guarded([&] { callback(std::move(piece)); }); });
}

void Connection::post_written(Result<void> result) {
  asio::post(context(),
             [self = shared_from_this(), callback = std::exchange(write_callback_, nullptr),
              result = std::move(result)]() mutable { self->guarded([&] { callback(std::move(result)); }); });
}

}  // namespace writ::http
