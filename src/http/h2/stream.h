// Http2Stream: one request of an HTTP/2 connection and its answer; to its Exchange what a Connection of
// HTTP/1 is.
//
//   kHead ──fields complete──▶ kHandling ──respond()──▶ kAnswering ──┐
//                                  └────────start()──▶ kStreaming ───┴──▶ kClosed
//
// It keeps what has come of the body and nobody has read, at most h2::kStreamWindowBytes, and gives its
// window back as it is read; what is written waits until the peer's window takes it. It is counted as one of
// its connection's until its exchange is gone too: who resets a request does not end the work that it causes.
// Loop thread only, except where ExchangeSide says otherwise. Internal to http.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/exchange_side.h"
#include "http/h1/connection.h"
#include "http/h2/answer_fields.h"
#include "http/h2/request_fields.h"
#include "http/net/body_terms.h"
#include "http/net/deadlines.h"

namespace writ::http {

class Http2Session;

class Http2Stream final : public internal::ExchangeSide,
                          public Timed,
                          public std::enable_shared_from_this<Http2Stream> {
 public:
  // A place is taken for it already.
  Http2Stream(std::shared_ptr<Connection> connection, Http2Session& session, std::int32_t id);
  ~Http2Stream() override;

  std::int32_t id() const noexcept { return id_; }

  // What comes from the peer. None of these calls anybody.
  RequestFields* fields() noexcept { return fields_.get(); }  // while the head is read
  // Behind the body. False: malformed.
  bool add_trailer(std::string_view name, std::string_view value);
  // False: the request is malformed.
  bool head_complete(bool ended);
  // False: it is not the body that was announced.
  bool add_body(std::string_view bytes);
  bool end_body();
  // What there is to do for what has come: hands the request out, or on with its body.
  void take_turn();
  bool in_turn_list = false;  // of the session

  // What goes to the peer.
  std::string_view out() const noexcept { return out_; }
  void sent(std::size_t count);
  // What is there of the answer is the rest of it.
  bool finishing() const noexcept { return finishing_ || (ends_counted_ && length_left_ == 0); }
  const Headers& trailers_out() const noexcept { return trailers_out_; }
  void end_sent();  // the answer is out
  bool answer_is_out() const noexcept { return end_sent_; }
  bool piece_is_out() const noexcept { return write_callback_ && out_.empty(); }
  void tell_written();

  // The stream is over for the peer.
  void end() noexcept;
  void leave() noexcept;  // is not counted any more
  bool is_over() const noexcept { return state_ == State::kClosed; }

  // ExchangeSide.
  bool body_at_hand() const noexcept override;
  void keep_body() override;
  void read_body(BodyCallback callback) override;
  void read_whole_body(std::uint64_t max_bytes, BodyOf whose,
                       std::move_only_function<void(Exchange)> callback) override;
  void respond(Response response) override;
  void start(ResponseHead head) override;
  void write(std::string_view bytes, DoneCallback callback) override;
  void finish(Headers trailers) override;
  void let_last() override;
  void abort() override;
  void abandoned() override;

 private:
  enum class State { kHead, kHandling, kAnswering, kStreaming, kClosed };

  void on_deadline() override;
  template <class Step>
  void guarded(Step step) noexcept;
  ServerCore& core() const noexcept { return connection_->core(); }

  void hand_out();
  // It says that it has no body, and may still have one.
  bool is_yet_to_end() const noexcept;
  void wait_for_end();
  void start_tunnel(ResponseHead head);
  void send_continue();
  void continue_body();
  void collect_body();
  void wait_for_piece();
  void wait_for_window();
  void arm();
  void refuse(const FramingRefusal& refusal);
  void send_response(Response response);
  void reset(std::uint32_t code);
  void drop(std::size_t bytes);
  void fail_body(ErrorCode code, std::string message);
  void post_body(Result<std::string_view> piece);
  void post_written(Result<void> result);

  const std::shared_ptr<Connection> connection_;
  Http2Session& session_;  // the connection's
  const std::int32_t id_;
  State state_ = State::kHead;

  std::unique_ptr<RequestFields> fields_;
  std::optional<FramingRefusal> refusal_;  // of the head
  bool handed_out_ = false;
  bool ended_ = false;         // the request is whole
  bool continue_due_ = false;  // the client waits for `100 Continue`
  std::uint64_t received_ = 0;
  std::uint64_t dropped_ = 0;
  TrailersRead trailers_read_;
  bool tunnel_ = false;   // it is a WebSocket
  bool lasting_ = false;  // it may be as quiet as its answer
  std::string in_;        // has come and is not read
  std::string piece_;     // is being read
  std::uint64_t body_bytes_ = 0;
  BodyTerms terms_;
  BodyCallback body_callback_;
  std::move_only_function<void(Exchange)> whole_callback_;
  std::uint64_t whole_max_ = 0;

  std::string out_body_;
  std::string_view out_;  // of it, or of what the handler writes
  DoneCallback write_callback_;
  Headers trailers_out_;
  bool no_body_ = false;
  bool counted_ = false;       // the answer has a length
  bool ends_counted_ = false;  // and ends with the last byte of it
  bool finishing_ = false;
  bool end_sent_ = false;
  bool counts_ = true;  // among those that are alive
  std::uint64_t length_left_ = 0;

  SteadyTime body_due_ = kNever;   // the peer has to send more of the body
  SteadyTime write_due_ = kNever;  // the peer has to take more of the answer
};

}  // namespace writ::http
