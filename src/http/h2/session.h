// Http2Session: the HTTP/2 of one connection (RFC 9113), between its socket and its streams.
//
// nghttp2 reads and writes the frames; this class says what one connection may cost (h2/limits.h), which
// requests get a place, in what order they are handed out, and how it all ends. nghttp2's callbacks only note
// what has come; handlers run after it has returned.
//
// A place (net/places.h) is a request at a time, as in HTTP/1: the connection's own place is for its first
// stream, and each further one at the same time takes one more of its source's. Who has none left gets
// REFUSED_STREAM, which says that nothing was done and the request may be sent again (RFC 9113 §8.7).
//
// Loop thread only, but note_gone(). Internal to http.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/h2/frame_meter.h"
#include "http/net/deadlines.h"
#include "http/net/send_queue.h"

struct nghttp2_session;

namespace writ::http {

class Connection;
class Http2Stream;
class ResponseFields;

class Http2Session {
 public:
  explicit Http2Session(Connection& connection);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // For the connection.
  void begin();     // what its buffer has is the first that was read
  void on_bytes();  // there is more
  void on_deadline();
  // RFC 9113 §6.8: says GOAWAY twice, so that no request on its way is lost; then ends.
  void drain();
  void closed() noexcept;  // the connection has ended
  bool idle() const noexcept { return streams_.empty(); }

  // For its streams.
  void note_begun() noexcept { alive_.fetch_add(1, std::memory_order_relaxed); }
  void note_gone() noexcept { alive_.fetch_sub(1, std::memory_order_relaxed); }  // any thread
  // kLater: if the first piece of it is there already, it may go in the same write.
  enum class Body { kNone, kReady, kLater };
  void submit_response(Http2Stream& stream, const ResponseFields& fields, Body body);
  void submit_continue(std::int32_t id);
  void resume(std::int32_t id);
  void reset(std::int32_t id, std::uint32_t code);
  // So much was read of what has come, or never will be.
  void consume(std::int32_t id, std::size_t bytes);
  void drop_unread(std::size_t bytes) noexcept;

 private:
  friend struct Http2Callbacks;
  struct Freed {
    void operator()(nghttp2_session* session) const noexcept;
  };

  Http2Stream* open(std::int32_t id);
  void check_id(std::int32_t id);
  bool take_place();
  void give_back_places() noexcept;
  void forget(std::int32_t id) noexcept;
  void note_turn(Http2Stream& stream);
  void take_turns();
  void read_more();
  void flush();
  bool send_out();
  void schedule();
  void schedule_after_others();
  void tell_written();
  void rearm();
  void submit_settings();
  void say_last_goaway();
  void end(std::uint32_t code);
  void finish();
  void fail(int error);
  void end_streams() noexcept;

  Connection& connection_;
  std::unique_ptr<nghttp2_session, Freed> ng_;
  FrameMeter meter_;
  std::unordered_map<std::int32_t, std::shared_ptr<Http2Stream>> streams_;
  std::vector<std::shared_ptr<Http2Stream>> turns_;    // have something to do
  std::vector<std::shared_ptr<Http2Stream>> written_;  // what they wrote may be out
  std::atomic<std::size_t> alive_{0};                  // streams, also those whose exchange alone is left
  std::size_t extra_places_ = 0;
  std::uint64_t requests_ = 0;
  std::int32_t last_id_ = -1;                        // of the peer's streams
  std::int32_t skipped_from_ = 0, skipped_to_ = -1;  // ids that it left out, the last time it did

  std::string out_;
  SendQueue queue_;
  bool busy_ = false;         // on the stack: what is scheduled is done at its end
  bool flush_due_ = false;    // is posted
  bool blocked_ = false;      // the socket takes no more
  bool read_paused_ = false;  // because of that
  bool receiving_ = false;
  bool draining_ = false;
  bool last_goaway_ = false;
  bool ending_ = false;  // GOAWAY with a reason: nothing more is read
  bool closed_ = false;

  SteadyTime write_due_ = kNever;
  SteadyTime block_due_ = kNever;  // of a block of fields that has begun, or of the preface
  SteadyTime idle_due_ = kNever;
  SteadyTime drain_due_ = kNever;
};

}  // namespace writ::http
