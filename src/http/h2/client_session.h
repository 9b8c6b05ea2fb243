// Http2ClientSession: the HTTP/2 of one connection to an upstream (RFC 9113), between its socket and its
// calls.
//
//   ──of() or adopt()──▶ takes calls ──GOAWAY, doubt, many given up──▶ retired ──last call over──▶ closed
//
// nghttp2 reads and writes the frames; this class says what the connection may cost (h2/limits.h), whether it
// takes another call, and how it all ends. nghttp2's callbacks only note what has come, and calls post what
// they tell, so that nobody is called from within.
//
// How many calls the upstream takes at a time it says in its SETTINGS, which may come when more of them are
// here already. Those that nghttp2 holds back until others end then go over another connection. A connection
// that has not heard of a limit yet is taken for one like the last one to the same address.
//
// A call is refused by the upstream when it has not begun with it: a stream behind the last one of a GOAWAY
// (§6.8), REFUSED_STREAM (§8.7), or one whose head was never sent. It goes on elsewhere (h2/client_call.h).
//
// An upstream that has vanished says nothing more, and takes no call with it: when an answer is late, PING is
// asked, and a session that does not answer it in time ends.
//
// Loop thread only. Internal to http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/call_side.h"
#include "http/h1/client_connection.h"
#include "http/h2/frame_meter.h"
#include "http/net/deadlines.h"

struct nghttp2_session;

namespace writ::http {

class Http2Call;
class SentFields;

class Http2ClientSession final : public ConnectionOwner,
                                 public Timed,
                                 public std::enable_shared_from_this<Http2ClientSession> {
 public:
  Http2ClientSession(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin,
                     std::shared_ptr<ClientConnection> connection);
  ~Http2ClientSession() override;

  // Whether a call to there goes over HTTP/2 from its begin on.
  static bool takes_calls(ClientCore& core, std::size_t loop, const Origin& origin);
  // One that takes another call; null: there is none.
  static std::shared_ptr<Http2ClientSession> find(ClientCore& core, std::size_t loop, const Origin& origin);
  // With a connection of its own, which it opens unless it is open. Null: the origin has as many as it may.
  static std::shared_ptr<Http2ClientSession> make(const std::shared_ptr<ClientCore>& core, std::size_t loop,
                                                  const Origin& origin,
                                                  std::shared_ptr<ClientConnection> connected = nullptr);

  bool connected() const noexcept { return connection_->connected(); }
  // A call was answered over it: if it breaks, that may be because it was idle for too long.
  bool proven() const noexcept { return proven_; }

  // For its calls. The stream's id; 0: it takes none any more.
  std::int32_t open(std::shared_ptr<Http2Call> call, const SentFields& fields, bool has_body);
  void resume(std::int32_t id);
  void consume(std::int32_t id, std::size_t bytes);
  // The call is not of this session any more. `given_up`: its answer was not whole.
  void reset(std::int32_t id, std::uint32_t code, bool given_up) noexcept;
  // An answer is late.
  void doubt();
  void note_proven() noexcept { proven_ = true; }

  // Says goodbye, and ends; its calls fail.
  void leave() noexcept;

  // From the connection.
  void on_connected() override;
  void on_sent() override;
  void on_received() override;
  void on_closed(bool whole) override;
  void on_failed(CallError::Kind kind, std::string message) override;

 private:
  friend struct Http2ClientCallbacks;
  struct Freed {
    void operator()(nghttp2_session* session) const noexcept;
  };

  std::size_t calls_at_a_time() const;
  bool has_room() const {
    return !retired_ && !closed_ && ping_due_ == kNever && calls_.size() < calls_at_a_time();
  }
  void move_on_what_waits();
  OriginPool& pool() const { return core_->per_loop[loop_].pool(origin_.pool); }
  Http2Call* call(std::int32_t id);
  std::shared_ptr<Http2Call> take(std::int32_t id) noexcept;
  void forget(std::int32_t id, std::uint32_t code);
  void submit_settings();
  void schedule();
  void flush();
  void tell_written();
  void read_more();
  void on_deadline() override;
  void arm();
  void end(std::uint32_t code, CallError::Kind kind, std::string message);
  void over(CallError::Kind kind, const std::string& message);

  const std::shared_ptr<ClientCore> core_;
  const std::size_t loop_;
  const Origin origin_;
  const std::shared_ptr<ClientConnection> connection_;
  std::unique_ptr<nghttp2_session, Freed> ng_;
  FrameMeter meter_;
  std::unordered_map<std::int32_t, std::shared_ptr<Http2Call>> calls_;
  std::vector<std::shared_ptr<Http2Call>> written_;  // what they wrote may be out
  std::size_t given_up_ = 0;

  std::string out_;
  bool busy_ = false;       // on the stack: what is scheduled is done at its end
  bool flush_due_ = false;  // is posted
  bool read_paused_ = false;
  bool settings_came_ = false;
  bool limit_is_new_ = false;  // SETTINGS came just now
  bool proven_ = false;
  bool retired_ = false;  // for good
  bool closed_ = false;

  SteadyTime idle_due_ = kNever;
  SteadyTime ping_due_ = kNever;  // it is in doubt
};

}  // namespace writ::http
