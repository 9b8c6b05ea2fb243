#include "http/h2/session.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <new>
#include <nghttp2/nghttp2.h>
#include <utility>

#include "base/notice.h"
#include "http/h1/connection.h"
#include "http/h2/callbacks.h"
#include "http/h2/nghttp2.h"
#include "http/h2/sent_fields.h"
#include "http/h2/stream.h"

namespace writ::http {
namespace {

// How long the first GOAWAY may take to reach the peer, whose requests are served meanwhile.
constexpr std::chrono::milliseconds kGoAwayTime{1'000};
constexpr std::size_t kReadBytes = 16 * 1024;

}  // namespace

void Http2Session::Freed::operator()(nghttp2_session* session) const noexcept {
  nghttp2_session_del(session);
}

Http2Session::Http2Session(Connection& connection)
    : connection_(connection),
      ng_(make_http2_server(*this)),
      meter_(connection.core().options.max_head_bytes, steady_now()) {}

Http2Session::~Http2Session() = default;

void Http2Session::begin() {
  submit_settings();
  idle_due_ = steady_now() + connection_.core().options.idle_timeout;
  block_due_ = steady_now() + connection_.core().options.header_timeout;
  on_bytes();
}

void Http2Session::submit_settings() {
  const auto& options = connection_.core().options;
  // The last one where there are WebSockets (RFC 8441 §3).
  const std::array<nghttp2_settings_entry, 4> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(options.max_streams)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, h2::kStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options.max_head_bytes)},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  }};
  const auto count = settings.size() - (options.web_sockets ? 0 : 1);
  h2::check(nghttp2_submit_settings(ng_.get(), NGHTTP2_FLAG_NONE, settings.data(), count));
  h2::check(
      nghttp2_session_set_local_window_size(ng_.get(), NGHTTP2_FLAG_NONE, 0, h2::kConnectionWindowBytes));
}

// ---- what comes ----

void Http2Session::on_bytes() {
  receiving_ = false;
  if (closed_) return;
  const auto bytes = connection_.in().unread();
  connection_.in().use(bytes.size());
  if (ending_) return read_more();
  busy_ = true;
  meter_.see(bytes, steady_now());
  const auto used =
      nghttp2_session_mem_recv(ng_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) fail(static_cast<int>(used));
  if (!closed_ && !ending_) take_turns();
  busy_ = false;
  if (closed_) return;
  if (!meter_.flood().empty() && !ending_) {
    connection_.core().http2_floods.fetch_add(1, std::memory_order_relaxed);
    static Notice notice;
    if (const auto times = notice.due())
      say_limit(fmt::format("an HTTP/2 connection of {} was ended: {} ({} times, of all sources)",
                            connection_.peer().text(), meter_.flood(), *times));
    end(NGHTTP2_ENHANCE_YOUR_CALM);
  }
  const bool waits = meter_.in_block() || !meter_.begun();
  if (!waits) {
    block_due_ = kNever;
  } else if (block_due_ == kNever) {
    block_due_ = steady_now() + connection_.core().options.header_timeout;
  }
  flush();
  read_more();
}

void Http2Session::read_more() {
  if (closed_ || receiving_) return;
  // A peer that takes none of its answers gets no more of them made.
  read_paused_ = blocked_ && nghttp2_session_get_outbound_queue_size(ng_.get()) > h2::kMaxWaitingFrames;
  if (read_paused_) return;
  receiving_ = true;
  // A body comes in larger pieces.
  if (streams_.empty()) connection_.in().shrink();
  connection_.receive(streams_.empty() ? kBufferBytes : kReadBytes, kReadBytes);
}

// RFC 9113 §5.1.1: an id that was left out can't be used any more. nghttp2 would ignore it.
void Http2Session::check_id(std::int32_t id) {
  if (id < skipped_from_ || id > skipped_to_ || ending_) return;
  connection_.core().malformed.fetch_add(1, std::memory_order_relaxed);
  end(NGHTTP2_PROTOCOL_ERROR);
}

// Null: there is no place for it.
Http2Stream* Http2Session::open(std::int32_t id) {
  if (id > last_id_ + 2) {
    skipped_from_ = last_id_ + 2;
    skipped_to_ = id - 2;
  }
  last_id_ = id;
  auto& core = connection_.core();
  if (ending_ || !take_place()) {
    core.http2_streams_refused.fetch_add(1, std::memory_order_relaxed);
    h2::check(nghttp2_submit_rst_stream(ng_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM));
    return nullptr;
  }
  const auto stream = std::make_shared<Http2Stream>(connection_.shared_from_this(), *this, id);
  streams_.emplace(id, stream);
  ++requests_;
  nghttp2_session_set_stream_user_data(ng_.get(), id, stream.get());
  idle_due_ = kNever;
  return stream.get();
}

bool Http2Session::take_place() {
  auto& core = connection_.core();
  const std::size_t alive = alive_.load(std::memory_order_relaxed);
  if (alive >= core.options.max_streams) return false;
  if (alive < 1 + extra_places_) return true;
  if (core.places.take(connection_.holder()) != Places::Answer::kTaken) return false;
  ++extra_places_;
  return true;
}

// Places are kept while about half of them are in use, so that not each request takes and gives one.
void Http2Session::give_back_places() noexcept {
  const std::size_t alive = closed_ ? 0 : alive_.load(std::memory_order_relaxed);
  const std::size_t needed = alive > 1 ? alive - 1 : 0;
  if (!closed_ && alive > 1 && needed * 2 >= extra_places_) return;
  for (; extra_places_ > needed; --extra_places_) connection_.core().places.give_back(connection_.holder());
}

void Http2Session::forget(std::int32_t id) noexcept {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const auto stream = std::move(found->second);
  streams_.erase(found);
  stream->end();
  if (streams_.empty()) idle_due_ = steady_now() + connection_.core().options.idle_timeout;
}

void Http2Session::note_turn(Http2Stream& stream) {
  if (stream.in_turn_list) return;
  turns_.push_back(stream.shared_from_this());
  stream.in_turn_list = true;
}

void Http2Session::take_turns() {
  auto turns = std::exchange(turns_, {});
  for (auto& stream : turns) {
    stream->in_turn_list = false;
    stream->take_turn();
    if (closed_) return;
  }
  turns.clear();
  if (turns_.empty()) turns_ = std::move(turns);  // its memory
  const auto& core = connection_.core();
  if (core.draining || requests_ >= core.options.max_requests_per_connection) drain();
}

// ---- what goes ----

void Http2Session::submit_response(Http2Stream& stream, const ResponseFields& fields, Body body) {
  const auto source = answer_of_stream();
  h2::check(nghttp2_submit_response(ng_.get(), stream.id(), fields.data(), fields.size(),
                                    body == Body::kNone ? nullptr : &source));
  body == Body::kLater ? schedule_after_others() : schedule();
}

void Http2Session::submit_continue(std::int32_t id) {
  std::string name = ":status", value = "100";
  const nghttp2_nv field{.name = reinterpret_cast<std::uint8_t*>(name.data()),
                         .value = reinterpret_cast<std::uint8_t*>(value.data()),
                         .namelen = name.size(),
                         .valuelen = value.size(),
                         .flags = NGHTTP2_NV_FLAG_NONE};
  h2::check(nghttp2_submit_headers(ng_.get(), NGHTTP2_FLAG_NONE, id, nullptr, &field, 1, nullptr));
  schedule();
}

void Http2Session::resume(std::int32_t id) {
  h2::check(nghttp2_session_resume_data(ng_.get(), id));
  schedule();
}

void Http2Session::reset(std::int32_t id, std::uint32_t code) {
  if (closed_) return;
  h2::check(nghttp2_submit_rst_stream(ng_.get(), NGHTTP2_FLAG_NONE, id, code));
  schedule();
}

void Http2Session::consume(std::int32_t id, std::size_t bytes) {
  if (closed_) return;
  h2::check(nghttp2_session_consume(ng_.get(), id, bytes));
  schedule();
}

void Http2Session::drop_unread(std::size_t bytes) noexcept {
  if (closed_ || bytes == 0) return;
  // Without memory for it the window stays smaller; the connection goes on.
  (void)nghttp2_session_consume_connection(ng_.get(), bytes);
}

// What is submitted goes out together, once whoever is at work is done.
void Http2Session::schedule() {
  if (busy_ || blocked_ || closed_ || flush_due_) return;
  asio::post(connection_.stream().get_executor(), [connection = connection_.shared_from_this(), this] {
    flush_due_ = false;
    if (closed_ || blocked_) return;
    connection->guarded([this] { flush(); });
  });
  flush_due_ = true;
}

// What has been posted by now has its turn before: most answers have come whole, and go out in one piece.
void Http2Session::schedule_after_others() {
  if (blocked_ || closed_ || flush_due_) return;
  asio::post(connection_.stream().get_executor(), [connection = connection_.shared_from_this(), this] {
    connection->guarded([this] { schedule(); });
  });
}

// False: the socket takes no more, or the connection has ended.
bool Http2Session::send_out() {
  switch (queue_.send(connection_.stream())) {
    case SendQueue::Sent::kAll:
      out_.clear();
      return true;
    case SendQueue::Sent::kFailed:
      connection_.close();
      return false;
    case SendQueue::Sent::kBlocked:
      break;
  }
  blocked_ = true;
  write_due_ = steady_now() + connection_.core().options.write_timeout;
  connection_.stream().async_wait_to_write(
      [connection = connection_.shared_from_this(), this](SystemError error) {
        if (closed_) return;
        if (error) return connection->close();
        connection->guarded([this] {
          blocked_ = false;
          write_due_ = kNever;
          flush();
          if (!closed_ && read_paused_) read_more();
        });
      });
  return false;
}

void Http2Session::flush() {
  if (closed_) return;
  if (blocked_) return rearm();
  busy_ = true;
  for (;;) {
    if (!queue_.empty() && !send_out()) break;
    const int error = nghttp2_session_send(ng_.get());
    if (error != 0) {
      // Only memory can be short here.
      busy_ = false;
      h2::check(NGHTTP2_ERR_NOMEM);
    }
    if (out_.empty()) break;
    queue_.add(out_);
  }
  busy_ = false;
  if (closed_) return;
  if (out_.empty() && out_.capacity() > h2::kKeptOutBytes && streams_.empty()) out_ = std::string();
  tell_written();
  give_back_places();
  if (!blocked_) {
    const bool over = nghttp2_session_want_read(ng_.get()) == 0 && nghttp2_session_want_write(ng_.get()) == 0;
    if (over || ending_ || (last_goaway_ && streams_.empty())) return finish();
  }
  rearm();
}

void Http2Session::tell_written() {
  for (const auto& stream : std::exchange(written_, {})) stream->tell_written();
}

// ---- deadlines and ends ----

void Http2Session::rearm() {
  connection_.expire_at(std::min({write_due_, block_due_, idle_due_, drain_due_}));
}

void Http2Session::on_deadline() {
  const auto time = steady_now();
  if (write_due_ <= time) return connection_.close();
  if (block_due_ <= time) {
    connection_.core().malformed.fetch_add(1, std::memory_order_relaxed);
    say_met(408);
    block_due_ = kNever;
    end(NGHTTP2_ENHANCE_YOUR_CALM);
  } else if (idle_due_ <= time) {
    idle_due_ = kNever;
    end(NGHTTP2_NO_ERROR);
  } else if (drain_due_ <= time) {
    say_last_goaway();
  }
  blocked_ ? rearm() : flush();
}

void Http2Session::drain() {
  if (closed_ || std::exchange(draining_, true)) return;
  h2::check(nghttp2_submit_shutdown_notice(ng_.get()));
  // When its answer is here, the notice has been read, and all that was sent before.
  h2::check(nghttp2_submit_ping(ng_.get(), NGHTTP2_FLAG_NONE, nullptr));
  drain_due_ = steady_now() + kGoAwayTime;
  rearm();
  schedule();
}

void Http2Session::say_last_goaway() {
  if (std::exchange(last_goaway_, true)) return;
  drain_due_ = kNever;
  h2::check(nghttp2_submit_goaway(ng_.get(), NGHTTP2_FLAG_NONE,
                                  nghttp2_session_get_last_proc_stream_id(ng_.get()), NGHTTP2_NO_ERROR,
                                  nullptr, 0));
  schedule();
}

void Http2Session::end(std::uint32_t code) {
  if (std::exchange(ending_, true)) return;
  h2::check(nghttp2_session_terminate_session(ng_.get(), code));
}

void Http2Session::fail(int error) {
  h2::check(error);
  switch (error) {
    case NGHTTP2_ERR_CALLBACK_FAILURE:
      throw std::bad_alloc();
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_SETTINGS:
      connection_.core().http2_floods.fetch_add(1, std::memory_order_relaxed);
      return end(NGHTTP2_ENHANCE_YOUR_CALM);
    default:
      connection_.core().malformed.fetch_add(1, std::memory_order_relaxed);
      return end(NGHTTP2_PROTOCOL_ERROR);
  }
}

// All is said. What is left of the peer's is not read for its meaning.
void Http2Session::finish() {
  end_streams();
  closed_ = true;
  give_back_places();
  connection_.linger();
}

void Http2Session::closed() noexcept {
  if (closed_) return;
  // A last word, if the socket takes it: whoever is made to leave may come again at once.
  if (!busy_ && !blocked_ && queue_.empty() && streams_.empty()) {
    try {
      if (!ending_) end(NGHTTP2_NO_ERROR);
      if (nghttp2_session_send(ng_.get()) == 0 && !out_.empty()) {
        queue_.add(out_);
        (void)queue_.send(connection_.stream());
      }
    } catch (const std::bad_alloc&) {
      // Then without one.
    }
  }
  end_streams();
  closed_ = true;
  give_back_places();
}

void Http2Session::end_streams() noexcept {
  for (auto streams = std::exchange(streams_, {}); const auto& [id, stream] : streams) stream->end();
  turns_.clear();
  written_.clear();
}

}  // namespace writ::http
