// How a Connection reads the bodies of its requests: streamed, whole, or only to get past them.
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/require.h"
#include "http/h1/connection.h"

namespace writ::http {
FramingRefusal bad_body() {
  return {.status = 400, .code = "malformed_request", .message = "the chunked body is malformed"};
}

void Connection::wait_for_piece() {
  expire_after(terms_.wait());
}

// RFC 9110 §10.1.1: the client waits for this line before it sends the body. False: the connection is closed.
bool Connection::send_continue() {
  if (!std::exchange(continue_due_, false) || !in_.empty()) return true;
  static constexpr std::string_view kLine = "HTTP/1.1 100 Continue\r\n\r\n";
  // Nothing else is being sent: the connection takes a line this short, or it is broken.
  queue_.add(kLine);
  if (queue_.send(stream_) == SendQueue::Sent::kAll) return true;
  close();
  return false;
}

bool Connection::body_at_hand() const noexcept {
  return framing_.content_length && *framing_.content_length <= in_.unread().size();
}

void Connection::keep_body() {
  if (body_at_hand()) return;  // within the memory that every connection has
  terms_.charge(&core_->known_bytes);
  terms_.set_one_deadline();
}

void Connection::read_body(BodyCallback callback) {
  WRIT_REQUIRE(!body_callback_ && !whole_callback_);
  body_callback_ = std::move(callback);
  if (state_ == State::kClosed)
    return fail_body(ErrorCode::kUnavailable, "the client's connection is closed");
  if (body_.done()) return post_body(std::string_view());
  if (framing_.content_length.value_or(0) > core_->options.max_stream_bytes)
    return refuse(streamed_body_too_large());
  if (send_continue()) continue_body();
}

// Delivers a piece that is in the buffer already, or waits for more.
void Connection::continue_body() {
  const auto progress = body_.read(in_.unread());
  in_.use(progress.used);
  switch (progress.step) {
    case BodyReader::Step::kPiece:
      body_bytes_ += progress.piece.size();
      // What a tunnel carries has no end to wait for; a write may be under way, whose deadline stays.
      if (tunnel_) return post_body(progress.piece);
      if (body_bytes_ > core_->options.max_stream_bytes) return refuse(streamed_body_too_large());
      if (!terms_.hold(*core_, progress.piece.size())) return refuse(no_memory_for_body());
      expire_never();
      return post_body(progress.piece);
    case BodyReader::Step::kEnd:
      expire_never();
      return post_body(std::string_view());
    case BodyReader::Step::kMalformed:
      return refuse(bad_body());
    case BodyReader::Step::kNeedMore:
      break;
  }
  if (!tunnel_) wait_for_piece();
  if (!receiving_) receive(kBodyBufferBytes, kBodyBufferBytes);
}

void Connection::read_whole_body(std::uint64_t max_bytes, BodyOf whose,
                                 std::move_only_function<void(Exchange)> callback) {
  // Whoever looked at the head may have waited on another thread.
  if (!on_loop()) {
    try {
      return core_->loops.post(
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
  // What is in the buffer already is within the memory that every connection has.
  terms_.charge(body_at_hand()            ? nullptr
                : whose == BodyOf::kKnown ? &core_->known_bytes
                                          : &core_->stranger_bytes);
  whole_max_ =
      max_bytes == 0 ? core_->options.max_body_bytes : std::min(max_bytes, core_->options.max_body_bytes);
  whole_callback_ = std::move(callback);
  if (framing_.content_length.value_or(0) > whole_max_) return refuse(body_too_large(whole_max_));
  // Only what has come takes memory.
  if (framing_.content_length)
    request_.body.reserve(std::min<std::uint64_t>(*framing_.content_length, kBufferBytes));
  if (send_continue()) collect_body();
}

void Connection::collect_body() {
  while (!body_.done()) {
    const auto progress = body_.read(in_.unread());
    in_.use(progress.used);
    if (request_.body.size() + progress.piece.size() > whole_max_) return refuse(body_too_large(whole_max_));
    if (progress.step == BodyReader::Step::kMalformed) return refuse(bad_body());
    if (!terms_.hold(*core_, progress.piece.size())) return refuse(no_memory_for_body());
    request_.body.append(progress.piece);
    if (progress.step == BodyReader::Step::kNeedMore) {
      // From the first wait on, all of it has one deadline.
      if (!terms_.waiting()) wait_for_piece();
      // A large one is read in larger pieces once some of it has come.
      const bool large = request_.body.size() >= kBodyBufferBytes;
      return receive(large ? kBodyBufferBytes : kBufferBytes, kBodyBufferBytes);
    }
  }
  expire_never();
  std::exchange(whole_callback_, nullptr)(Exchange(shared_from_this()));
}

// Reads what is left of a body nobody wanted, so that the next request can follow.
void Connection::drain() {
  while (!body_.done()) {
    const auto progress = body_.read(in_.unread());
    in_.use(progress.used);
    body_bytes_ += progress.used;
    if (progress.step == BodyReader::Step::kMalformed || body_bytes_ > kMaxDrainedBytes) return linger();
    if (progress.step == BodyReader::Step::kNeedMore) {
      if (!receiving_) receive(kBufferBytes, kBodyBufferBytes);
      return;
    }
  }
  end_response();
}

}  // namespace writ::http
