#include "http/h2/client_callbacks.h"

#include <algorithm>
#include <new>

#include "base/check.h"
#include "http/h2/client_call.h"
#include "http/h2/client_session.h"
#include "http/h2/nghttp2.h"
#include "http/h2/sent_fields.h"

namespace writ::http {
namespace {

constexpr std::size_t kMaxCallHeadBytes = 256 * 1024;

}  // namespace

struct Http2ClientCallbacks {
  static Http2ClientSession& session(void* data) { return *static_cast<Http2ClientSession*>(data); }

  // ---- what comes ----

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    return h2::guarded([&] {
      if (auto* call = session(data).call(frame->hd.stream_id)) call->begin_block();
      return 0;
    });
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* data) {
    return h2::guarded([&] {
      if (auto* call = session(data).call(frame->hd.stream_id))
        call->add_field(h2::text(name, name_size), h2::text(value, value_size));
      return 0;
    });
  }
  // nghttp2 would skip such a field and let the answer pass.
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void* data) {
    return h2::guarded([&] {
      if (auto* call = session(data).call(frame->hd.stream_id))
        call->malformed("a header field is not one of HTTP/2");
      return 0;
    });
  }
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* data) {
    return h2::guarded([&] {
      if (auto* call = session(data).call(frame->hd.stream_id)) call->malformed(nghttp2_strerror(error));
      return 0;
    });
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                     std::size_t size, void* data) {
    return h2::guarded([&] {
      auto& self = session(data);
      auto* call = self.call(id);
      if (call == nullptr || !call->add_body(h2::text(bytes, size))) self.consume(id, size);
      return 0;
    });
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    return h2::guarded([&] {
      auto& self = session(data);
      auto* call = self.call(frame->hd.stream_id);
      const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      switch (frame->hd.type) {
        case NGHTTP2_HEADERS:
          if (call != nullptr) call->end_block(ended);
          break;
        case NGHTTP2_DATA:
          if (call != nullptr && ended) call->end_body();
          break;
        case NGHTTP2_RST_STREAM:
          if (call != nullptr) call->note_reset();
          break;
        case NGHTTP2_GOAWAY:
          self.retired_ = true;
          break;
        case NGHTTP2_SETTINGS:
          if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) self.settings_came_ = self.limit_is_new_ = true;
          break;
        case NGHTTP2_PING:
          if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) self.ping_due_ = kNever;
          break;
        default:
          break;
      }
      return 0;
    });
  }
  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* data) {
    return h2::guarded([&] {
      session(data).forget(id, code);
      return 0;
    });
  }

  // ---- what goes ----

  static ssize_t send(nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* data) {
    auto& self = session(data);
    if (self.out_.size() >= h2::kMaxOutBytes) return NGHTTP2_ERR_WOULDBLOCK;
    const int error = h2::guarded([&] {
      self.out_.append(h2::text(bytes, size));
      return 0;
    });
    return error == 0 ? static_cast<ssize_t>(size) : error;
  }
  static ssize_t read_body(nghttp2_session* ng, std::int32_t id, std::uint8_t*, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source*, void* data) {
    const auto* call = session(data).call(id);
    if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t size = std::min(room, call->out().size());
    const bool last = call->finishing() && size == call->out().size();
    if (size == 0 && !last) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!last) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!call->trailers().empty()) {
      const int error = h2::guarded([&] {
        const TrailerFields fields(call->trailers());
        return nghttp2_submit_trailer(ng, id, fields.data(), fields.size());
      });
      if (error != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return static_cast<ssize_t>(size);
  }
  static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header, std::size_t size,
                       nghttp2_data_source*, void* data) {
    auto& self = session(data);
    if (self.out_.size() >= h2::kMaxOutBytes) return NGHTTP2_ERR_WOULDBLOCK;
    return h2::guarded([&] {
      auto* call = self.call(frame->hd.stream_id);
      if (call == nullptr || call->out().size() < size) return int{NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE};
      self.out_.append(h2::text(header, h2::kFrameHeaderBytes)).append(call->out().substr(0, size));
      call->sent(size);
      self.meter_.note_asked();
      if (call->piece_is_out()) self.written_.push_back(call->shared());
      return 0;
    });
  }
  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) return 0;
    return h2::guarded([&] {
      auto& self = session(data);
      auto* call = self.call(frame->hd.stream_id);
      if (call == nullptr) return 0;
      if (frame->hd.type == NGHTTP2_HEADERS) call->head_sent();
      if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
      call->end_sent();
      if (call->piece_is_out()) self.written_.push_back(call->shared());
      return 0;
    });
  }
  // After a GOAWAY, for want of memory, or because the head is larger than nghttp2 sends.
  static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* data) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    return h2::guarded([&] {
      const bool refused =
          error == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED || error == NGHTTP2_ERR_SESSION_CLOSING;
      session(data).forget(frame->hd.stream_id, refused ? NGHTTP2_REFUSED_STREAM : NGHTTP2_INTERNAL_ERROR);
      return 0;
    });
  }

  static const nghttp2_session_callbacks* all() {
    static const nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      WRIT_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(callbacks, &on_header);
      nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, &on_invalid_header);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, &on_invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &on_data);
      nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &on_stream_close);
      nghttp2_session_callbacks_set_send_callback(callbacks, &send);
      nghttp2_session_callbacks_set_send_data_callback(callbacks, &send_data);
      nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &on_sent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &on_not_sent);
      return callbacks;
    }();
    return made;
  }

  static const nghttp2_option* options() {
    static const nghttp2_option* const made = [] {
      nghttp2_option* option = nullptr;
      WRIT_CHECK(nghttp2_option_new(&option) == 0);
      // A window is given back as its bytes are read, and not before.
      nghttp2_option_set_no_auto_window_update(option, 1);
      nghttp2_option_set_max_continuations(option, h2::kMaxContinuations);
      nghttp2_option_set_max_settings(option, h2::kMaxSettings);
      nghttp2_option_set_max_send_header_block_length(option, kMaxCallHeadBytes);
      return option;
    }();
    return made;
  }
};

nghttp2_session* make_http2_client(Http2ClientSession& session) {
  nghttp2_session* made = nullptr;
  const int error = nghttp2_session_client_new2(&made, Http2ClientCallbacks::all(), &session,
                                                Http2ClientCallbacks::options());
  if (error != 0) throw std::bad_alloc();
  return made;
}

nghttp2_data_provider body_of_call() {
  return {.source = {}, .read_callback = &Http2ClientCallbacks::read_body};
}

}  // namespace writ::http
