#include "http/h2/client_session.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <new>
#include <nghttp2/nghttp2.h>
#include <span>
#include <utility>

#include "base/notice.h"
#include "http/h2/client_call.h"
#include "http/h2/client_callbacks.h"
#include "http/h2/nghttp2.h"
#include "http/h2/sent_fields.h"

namespace writ::http {
namespace {

constexpr std::int32_t kLastId = 1 << 30;
// Of what waits for a socket that takes nothing: acknowledgements and resets, and the calls' own frames.
constexpr std::size_t kMaxWaiting = h2::kMaxWaitingFrames + 2 * h2::kMaxCalls;

}  // namespace

void Http2ClientSession::Freed::operator()(nghttp2_session* session) const noexcept {
  nghttp2_session_del(session);
}

Http2ClientSession::Http2ClientSession(std::shared_ptr<ClientCore> core, std::size_t loop,
                                       const Origin& origin, std::shared_ptr<ClientConnection> connection)
    : core_(std::move(core)),
      loop_(loop),
      origin_(origin),
      connection_(std::move(connection)),
      ng_(make_http2_client(*this)),
      meter_(core_->options.max_head_bytes, steady_now(), FrameMeter::Peer::kServer) {
  submit_settings();
  watch(core_->loops.impl().loops[loop_]->deadlines);
}

Http2ClientSession::~Http2ClientSession() = default;

void Http2ClientSession::submit_settings() {
  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, h2::kStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(core_->options.max_head_bytes)},
  }};
  h2::check(nghttp2_submit_settings(ng_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()));
  h2::check(nghttp2_session_set_local_window_size(ng_.get(), NGHTTP2_FLAG_NONE, 0, h2::kCallsWindowBytes));
}

// ---- which one takes a call ----

bool Http2ClientSession::takes_calls(ClientCore& core, std::size_t loop, const Origin& origin) {
  return origin.http2 == Http2::kKnown ||
         (origin.http2 == Http2::kOffered && find(core, loop, origin) != nullptr);
}

std::shared_ptr<Http2ClientSession> Http2ClientSession::find(ClientCore& core, std::size_t loop,
                                                             const Origin& origin) {
  const auto& pools = core.per_loop[loop].pools;
  const auto pool = pools.find(origin.pool);
  if (pool == pools.end()) return nullptr;
  for (const auto& session : pool->second.sessions)
    if (session->has_room()) return session;
  return nullptr;
}

std::shared_ptr<Http2ClientSession> Http2ClientSession::make(const std::shared_ptr<ClientCore>& core,
                                                             std::size_t loop, const Origin& origin,
                                                             std::shared_ptr<ClientConnection> connected) {
  const bool is_open = connected != nullptr;
  if (!is_open) {
    if (core->per_loop[loop].pool(origin.pool).open >= core->options.max_connections_per_origin)
      return nullptr;
    connected = std::make_shared<ClientConnection>(core, loop, origin, origin.http2 == Http2::kOffered);
  }
  auto session = std::make_shared<Http2ClientSession>(core, loop, origin, std::move(connected));
  session->pool().sessions.push_back(session);
  session->connection_->attach(*session);
  is_open ? session->on_connected() : session->connection_->connect();
  return session;
}

// RFC 9113 §5.1.2.
std::size_t Http2ClientSession::calls_at_a_time() const {
  if (!settings_came_) return pool().calls_at_a_time;
  const auto theirs = nghttp2_session_get_remote_settings(ng_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return std::min<std::size_t>(theirs, h2::kMaxCalls);
}

// Not a byte of them is out, and their turn may be long in coming. The oldest ones stay where there is room.
void Http2ClientSession::move_on_what_waits() {
  const std::size_t most = calls_at_a_time();
  pool().calls_at_a_time = most;
  if (calls_.size() <= most) return;
  std::vector<std::int32_t> waiting;
  // A stream begins for nghttp2 when its head is written.
  for (const auto& [id, call] : calls_)
    if (nghttp2_session_find_stream(ng_.get(), id) == nullptr) waiting.push_back(id);
  const std::size_t begun = calls_.size() - waiting.size();
  const std::size_t stay = most > begun ? most - begun : 0;
  if (waiting.size() <= stay) return;
  std::ranges::sort(waiting);
  for (const auto id : std::span(waiting).subspan(stay)) {
    const bool elsewhere =
        find(*core_, loop_, origin_) != nullptr || pool().open < core_->options.max_connections_per_origin;
    if (!elsewhere) return;  // it is better to wait than to fail
    if (!call(id)->may_move_on()) continue;
    const auto moved = take(id);
    h2::check(nghttp2_submit_rst_stream(ng_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL));
    moved->stream_over(NGHTTP2_REFUSED_STREAM);
  }
}

// ---- its calls ----

std::int32_t Http2ClientSession::open(std::shared_ptr<Http2Call> call, const SentFields& fields,
                                      bool has_body) {
  if (retired_ || closed_) return 0;
  const auto body = body_of_call();
  const auto id = nghttp2_submit_request(ng_.get(), nullptr, fields.data(), fields.size(),
                                         has_body ? &body : nullptr, nullptr);
  h2::check(id);
  if (id <= 0) {
    retired_ = true;
    return 0;
  }
  calls_.emplace(id, std::move(call));
  if (id >= kLastId) retired_ = true;
  idle_due_ = kNever;
  schedule();
  return id;
}

void Http2ClientSession::resume(std::int32_t id) {
  h2::check(nghttp2_session_resume_data(ng_.get(), id));
  schedule();
}

void Http2ClientSession::consume(std::int32_t id, std::size_t bytes) {
  if (closed_) return;
  h2::check(nghttp2_session_consume(ng_.get(), id, bytes));
  schedule();
}

void Http2ClientSession::reset(std::int32_t id, std::uint32_t code, bool given_up) noexcept {
  const auto held = take(id);
  if (closed_ || held == nullptr) return;
  if (given_up && ++given_up_ >= h2::kMaxGivenUp) retired_ = true;
  try {
    h2::check(nghttp2_submit_rst_stream(ng_.get(), NGHTTP2_FLAG_NONE, id, code));
    schedule();
  } catch (const std::bad_alloc&) {
    retired_ = true;  // the stream stays open at the other end until the connection ends
  }
}

Http2Call* Http2ClientSession::call(std::int32_t id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second.get();
}

std::shared_ptr<Http2Call> Http2ClientSession::take(std::int32_t id) noexcept {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return nullptr;
  auto taken = std::move(found->second);
  calls_.erase(found);
  if (calls_.empty()) idle_due_ = steady_now() + core_->options.idle_timeout;
  return taken;
}

// The stream is over for nghttp2.
void Http2ClientSession::forget(std::int32_t id, std::uint32_t code) {
  if (const auto taken = take(id)) taken->stream_over(code);
}

void Http2ClientSession::doubt() {
  if (closed_ || ping_due_ != kNever || !connected()) return;
  h2::check(nghttp2_submit_ping(ng_.get(), NGHTTP2_FLAG_NONE, nullptr));
  ping_due_ = steady_now() + core_->options.connect_timeout;
  arm();
  schedule();
}

// ---- what goes ----

// What is submitted goes out together, once whoever is at work is done.
void Http2ClientSession::schedule() {
  if (busy_ || closed_ || flush_due_ || !connected()) return;
  asio::post(core_->loops.impl().loops[loop_]->context, [self = shared_from_this()] {
    self->flush_due_ = false;
    self->flush();
  });
  flush_due_ = true;
}

void Http2ClientSession::flush() {
  if (closed_ || busy_ || !connected()) return;
  const auto self = shared_from_this();
  busy_ = true;
  while (connection_->queue.empty()) {
    out_.clear();
    if (nghttp2_session_send(ng_.get()) != 0) {
      busy_ = false;
      return end(NGHTTP2_INTERNAL_ERROR, CallError::Kind::kBroken, "there is no memory for the connection");
    }
    if (out_.empty()) break;
    connection_->queue.add(out_);
    connection_->send();
    if (closed_) break;
  }
  busy_ = false;
  if (closed_) return;
  if (out_.capacity() > h2::kKeptOutBytes && calls_.empty() && connection_->queue.empty())
    out_ = std::string();
  tell_written();
  if (nghttp2_session_want_read(ng_.get()) == 0 && nghttp2_session_want_write(ng_.get()) == 0)
    return end(NGHTTP2_NO_ERROR, CallError::Kind::kMalformed,
               "the upstream's answer is malformed: it does not keep to HTTP/2");
  if (retired_ && calls_.empty())
    return end(NGHTTP2_NO_ERROR, CallError::Kind::kBroken, "the connection is over");
  arm();
}

void Http2ClientSession::on_sent() {
  connection_->expire_never();
  if (busy_) return;
  flush();
  if (!closed_ && read_paused_) read_more();
}

void Http2ClientSession::tell_written() {
  for (const auto& call : std::exchange(written_, {})) call->tell_written();
}

// ---- what comes ----

void Http2ClientSession::on_connected() {
  const auto self = shared_from_this();
  if (origin_.http2 == Http2::kOffered && !connection_->speaks_http2())
    return end(NGHTTP2_NO_ERROR, CallError::Kind::kUnreachable,
               fmt::format("{} does not speak HTTP/2 any more", origin_.authority));
  if (calls_.empty()) idle_due_ = steady_now() + core_->options.idle_timeout;
  for (const auto& [id, call] : calls_) call->connected();
  flush();
  if (!closed_) read_more();
}

void Http2ClientSession::on_received() {
  const auto self = shared_from_this();
  const auto bytes = connection_->in.unread();
  connection_->in.use(bytes.size());
  busy_ = true;
  meter_.see(bytes, steady_now());
  const auto used =
      nghttp2_session_mem_recv(ng_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  busy_ = false;
  if (closed_) return;
  if (used < 0)
    return end(
        NGHTTP2_PROTOCOL_ERROR, CallError::Kind::kMalformed,
        fmt::format("the upstream's answer is malformed: {}", nghttp2_strerror(static_cast<int>(used))));
  if (!meter_.flood().empty()) {
    static Notice notice;
    if (const auto times = notice.due())
      say_limit(fmt::format("an HTTP/2 connection to upstream {} was ended: {} ({} times, of all upstreams)",
                            origin_.authority, meter_.flood(), *times));
    return end(NGHTTP2_ENHANCE_YOUR_CALM, CallError::Kind::kMalformed,
               fmt::format("the upstream's answer is malformed: {}", meter_.flood()));
  }
  if (std::exchange(limit_is_new_, false)) move_on_what_waits();
  flush();
  if (!closed_) read_more();
}

void Http2ClientSession::read_more() {
  read_paused_ =
      !connection_->queue.empty() && nghttp2_session_get_outbound_queue_size(ng_.get()) > kMaxWaiting;
  if (!read_paused_) connection_->receive();
}

// ---- deadlines and ends ----

void Http2ClientSession::arm() {
  const auto due = std::min(idle_due_, ping_due_);
  if (due == kNever) return expire_never();
  expire_after(std::chrono::ceil<std::chrono::milliseconds>(due - steady_now()));
}

void Http2ClientSession::on_deadline() {
  const auto self = shared_from_this();
  if (ping_due_ <= steady_now())
    return end(NGHTTP2_NO_ERROR, CallError::Kind::kTimeout,
               fmt::format("{} {} does not answer any more", core_->options.peer, origin_.authority));
  if (idle_due_ <= steady_now())
    return end(NGHTTP2_NO_ERROR, CallError::Kind::kBroken, "the connection was idle for too long");
  arm();
}

void Http2ClientSession::on_closed(bool) {
  const auto self = shared_from_this();
  const auto before = calls_.empty() ? "" : " before it answered";
  over(CallError::Kind::kBroken, fmt::format("the upstream closed the connection{}", before));
}

void Http2ClientSession::on_failed(CallError::Kind kind, std::string message) {
  const auto self = shared_from_this();
  over(kind, message);
}

void Http2ClientSession::leave() noexcept {
  try {
    end(NGHTTP2_NO_ERROR, CallError::Kind::kBroken, "the client is shutting down");
  } catch (const std::bad_alloc&) {
    closed_ = true;
    connection_->detach();
    connection_->close();
  }
}

// A last word, if the socket takes it.
void Http2ClientSession::end(std::uint32_t code, CallError::Kind kind, std::string message) {
  if (closed_) return;
  const auto self = shared_from_this();
  if (connected() && connection_->queue.empty() && nghttp2_session_terminate_session(ng_.get(), code) == 0) {
    busy_ = true;
    out_.clear();
    if (nghttp2_session_send(ng_.get()) == 0 && !out_.empty()) {
      connection_->queue.add(out_);
      connection_->send();
    }
    busy_ = false;
  }
  over(kind, message);
}

// Its calls end, or go on elsewhere.
void Http2ClientSession::over(CallError::Kind kind, const std::string& message) {
  if (std::exchange(closed_, true)) return;
  retired_ = true;
  unwatch();
  auto& pools = core_->per_loop[loop_].pools;
  const auto self = shared_from_this();
  if (const auto mine = pools.find(origin_.pool); mine != pools.end())
    std::erase(mine->second.sessions, self);
  connection_->queue.clear();
  connection_->detach();
  connection_->close();
  tell_written();
  for (auto calls = std::exchange(calls_, {}); const auto& [id, call] : calls)
    call->session_over(kind, message);
}

}  // namespace writ::http
