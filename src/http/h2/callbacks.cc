#include "http/h2/callbacks.h"

#include <algorithm>
#include <new>

#include "base/check.h"
#include "http/h2/nghttp2.h"
#include "http/h2/sent_fields.h"
#include "http/h2/session.h"
#include "http/h2/stream.h"

namespace writ::http {
namespace {

constexpr std::size_t kMaxAnswerHeadBytes = 256 * 1024;

// Of what this side resets: a malformed request, one too many, a window that is opened too wide.
bool is_callers_doing(std::uint32_t code) {
  return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_REFUSED_STREAM || code == NGHTTP2_STREAM_CLOSED ||
         code == NGHTTP2_FLOW_CONTROL_ERROR;
}

}  // namespace

struct Http2Callbacks {
  static Http2Session& session(void* data) { return *static_cast<Http2Session*>(data); }
  // Null: refused, reset, or unknown.
  static Http2Stream* stream(nghttp2_session* ng, std::int32_t id) {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(ng, id));
  }
  static void malformed(Http2Session& session, std::int32_t id) {
    Http2Stream* const known = stream(session.ng_.get(), id);
    if (known == nullptr || known->is_over()) return;
    session.connection_.core().malformed.fetch_add(1, std::memory_order_relaxed);
    nghttp2_submit_rst_stream(session.ng_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
    known->end();
  }

  // ---- what comes ----

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* data) {
    return h2::guarded([&] {
      if (header->type == NGHTTP2_HEADERS) session(data).check_id(header->stream_id);
      return 0;
    });
  }
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    return h2::guarded([&] {
      if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) session(data).open(frame->hd.stream_id);
      return 0;
    });
  }
  static int on_header(nghttp2_session* ng, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* data) {
    return h2::guarded([&] {
      Http2Stream* const known = stream(ng, frame->hd.stream_id);
      if (known == nullptr) return 0;
      if (RequestFields* fields = known->fields()) {
        fields->add(h2::text(name, name_size), h2::text(value, value_size));
      } else if (!known->add_trailer(h2::text(name, name_size), h2::text(value, value_size))) {
        malformed(session(data), frame->hd.stream_id);
      }
      return 0;
    });
  }
  // nghttp2 would skip such a field and let the request pass.
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* data) {
    // What is said of a stream that is refused or over already counts there.
    if (frame->hd.type == NGHTTP2_HEADERS && error != NGHTTP2_ERR_REFUSED_STREAM)
      session(data).connection_.core().malformed.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  static int on_data(nghttp2_session* ng, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                     std::size_t size, void* data) {
    return h2::guarded([&] {
      Http2Stream* const known = stream(ng, id);
      if (known == nullptr) {
        session(data).consume(id, size);
      } else if (!known->add_body(h2::text(bytes, size))) {
        malformed(session(data), id);
      } else {
        session(data).note_turn(*known);
      }
      return 0;
    });
  }
  static int on_frame(nghttp2_session* ng, const nghttp2_frame* frame, void* data) {
    return h2::guarded([&] {
      auto& self = session(data);
      Http2Stream* const known = stream(ng, frame->hd.stream_id);
      const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
      switch (frame->hd.type) {
        case NGHTTP2_HEADERS:
          if (known == nullptr) break;
          if (known->fields() != nullptr) {
            if (!known->head_complete(ended)) {
              malformed(self, frame->hd.stream_id);
            } else {
              self.note_turn(*known);
            }
            break;
          }
          [[fallthrough]];  // trailers
        case NGHTTP2_DATA:
          if (known == nullptr || !ended) break;
          if (!known->end_body()) {
            malformed(self, frame->hd.stream_id);
          } else {
            self.note_turn(*known);
          }
          break;
        case NGHTTP2_RST_STREAM:
          if (known != nullptr && !known->answer_is_out())
            self.meter_.note_reset(std::chrono::steady_clock::now());
          break;
        case NGHTTP2_PING:
          if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && self.draining_) self.say_last_goaway();
          break;
        default:
          break;
      }
      return 0;
    });
  }
  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* data) {
    session(data).forget(id);
    return 0;
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
  static ssize_t read_answer(nghttp2_session* ng, std::int32_t id, std::uint8_t*, std::size_t room,
                             std::uint32_t* flags, nghttp2_data_source*, void*) {
    const Http2Stream* const known = stream(ng, id);
    if (known == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t size = std::min(room, known->out().size());
    const bool last = known->finishing() && size == known->out().size();
    if (size == 0 && !last) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!last) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!known->trailers_out().empty()) {
      const int error = h2::guarded([&] {
        const TrailerFields fields(known->trailers_out());
        return nghttp2_submit_trailer(ng, id, fields.data(), fields.size());
      });
      if (error != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return static_cast<ssize_t>(size);
  }
  static int send_data(nghttp2_session* ng, nghttp2_frame* frame, const std::uint8_t* header,
                       std::size_t size, nghttp2_data_source*, void* data) {
    auto& self = session(data);
    if (self.out_.size() >= h2::kMaxOutBytes) return NGHTTP2_ERR_WOULDBLOCK;
    return h2::guarded([&] {
      Http2Stream* const known = stream(ng, frame->hd.stream_id);
      if (known == nullptr || known->out().size() < size) return int{NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE};
      self.out_.append(h2::text(header, h2::kFrameHeaderBytes)).append(known->out().substr(0, size));
      known->sent(size);
      self.meter_.note_answered(size);
      if (known->piece_is_out()) self.written_.push_back(known->shared_from_this());
      return 0;
    });
  }
  static int on_sent(nghttp2_session* ng, const nghttp2_frame* frame, void* data) {
    // CVE-2025-8671: whoever makes this side reset a request has reset it.
    if (frame->hd.type == NGHTTP2_RST_STREAM && is_callers_doing(frame->rst_stream.error_code))
      session(data).meter_.note_reset(std::chrono::steady_clock::now());
    if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
      return 0;
    Http2Stream* const known = stream(ng, frame->hd.stream_id);
    if (known == nullptr) return 0;
    return h2::guarded([&] {
      known->end_sent();
      return 0;
    });
  }
  static int on_not_sent(nghttp2_session* ng, const nghttp2_frame* frame, int, void*) {
    if (frame->hd.type == NGHTTP2_HEADERS)
      nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
    static const nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      WRIT_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
      nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &on_begin_frame);
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
      nghttp2_option_set_max_send_header_block_length(option, kMaxAnswerHeadBytes);
      return option;
    }();
    return made;
  }
};

nghttp2_session* make_http2_server(Http2Session& session) {
  nghttp2_session* made = nullptr;
  const int error =
      nghttp2_session_server_new2(&made, Http2Callbacks::all(), &session, Http2Callbacks::options());
  if (error != 0) throw std::bad_alloc();
  return made;
}

nghttp2_data_provider answer_of_stream() {
  return {.source = {}, .read_callback = &Http2Callbacks::read_answer};
}

}  // namespace writ::http
