// Http2Call: one request over an HTTP/2 connection to an upstream, and its answer.
//
//   ──begin()──▶ waits for its session ──head sent──▶ body ⇄ answer ──both ended──▶ over
//                      ▲                     │
//                      └── once more, elsewhere, when the upstream has not begun with it
//
// The head goes at once, also where a body follows: a peer that streams both ways may answer before it. What
// has come of the answer and nobody has read is at most h2::kStreamWindowBytes; its window is given back as
// it is read. What is written waits until the upstream's window takes it.
//
// It is sent again when the upstream refused it (h2/client_session.h) and nobody was told that a piece of its
// body is out, which could not be had again: a few times, since a new connection may take fewer calls than it
// was given before it could say so. And it is sent again once when a connection that had answered before
// broke, as in HTTP/1. Loop thread only. Internal to http.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/call_side.h"
#include "http/h2/answer_fields.h"
#include "http/net/deadlines.h"

namespace writ::http {

class Http2ClientSession;

class Http2Call final : public internal::CallSide, public Timed {
 public:
  Http2Call(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin, Outbound request);

  // In place of a call whose connection turned out to speak HTTP/2: with its share, and that connection,
  // unless there is a session by now.
  void go_on(CallSide& before, const std::shared_ptr<ClientConnection>& connection);
  std::shared_ptr<Http2Call> shared() { return std::static_pointer_cast<Http2Call>(shared_from_this()); }

  // CallSide.
  void write_body(std::string_view bytes, Call::Done callback) override;
  void finish_body(Call::Done callback, Headers trailers) override;
  void read_head(Call::HeadDone callback) override;
  void read_body(Call::PieceDone callback) override;
  Headers take_trailers() override { return answer_trailers_.take(); }
  void drop() noexcept override;
  void fail(CallError::Kind kind, std::string message) override;

  // From the session: what comes. None of these calls anybody.
  void connected();
  void begin_block();
  void add_field(std::string_view name, std::string_view value);
  void end_block(bool ended);
  bool add_body(std::string_view bytes);  // false: it is not kept
  void end_body();
  void malformed(std::string_view why);
  void note_reset() noexcept { reset_by_peer_ = true; }
  void stream_over(std::uint32_t code);
  // Nothing of it is out: if it is refused now, it goes on elsewhere.
  bool may_move_on() const noexcept { return !error_ && tries_ < kMaxTries; }
  void session_over(CallError::Kind kind, const std::string& message);

  // From the session: what goes.
  std::string_view out() const noexcept { return out_; }
  bool finishing() const noexcept { return request_done_; }
  const Headers& trailers() const noexcept { return trailers_; }
  void head_sent() noexcept { head_sent_ = true; }
  void sent(std::size_t count);
  void end_sent();
  bool piece_is_out() const noexcept {
    return write_callback_ && out_.empty() && (!request_done_ || end_sent_);
  }
  void tell_written();

 private:
  static constexpr unsigned kMaxTries = 4;

  void find_connection() override;
  void submit(std::shared_ptr<Http2ClientSession> session);
  bool try_again(bool refused);
  void refuse_body();
  void whole_and_over();
  void continue_body();
  void finish_answer();
  void leave_session(std::uint32_t code, bool given_up) noexcept;
  void on_deadline() override;
  void arm();
  void read_within(std::chrono::milliseconds time);
  std::chrono::milliseconds first_byte() const;

  std::shared_ptr<Http2ClientSession> session_;
  std::int32_t id_ = 0;
  bool attached_ = false;   // its stream is not over yet
  bool on_proven_ = false;  // its session had answered others before
  unsigned tries_ = 1;
  bool refused_ = false;
  bool told_ = false;  // that something of the body is out, or all of it

  std::string_view piece_;  // that is being written
  std::string_view out_;    // what is left of it
  Headers trailers_;
  bool head_sent_ = false;
  bool end_sent_ = false;

  bool answer_begun_ = false;
  bool reset_by_peer_ = false;
  std::string fault_;  // of the answer
  std::unique_ptr<AnswerFields> fields_;
  std::size_t interim_ = 0;
  bool has_head_ = false;                // it has come
  bool no_body_ = false;                 // none may come
  std::optional<std::uint64_t> length_;  // that it has to have
  InboundHead answer_{.status = 0, .headers = {}, .has_body = false, .content_length = std::nullopt};
  std::uint64_t received_ = 0;
  std::string in_;       // has come and is not read
  std::string reading_;  // is being read
  TrailersRead answer_trailers_;
  bool answer_ended_ = false;

  SteadyTime read_due_ = kNever;
  SteadyTime write_due_ = kNever;
};

}  // namespace writ::http
