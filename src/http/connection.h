// One accepted connection: reads request heads, hands out an Exchange for each, writes the answer, and goes
// on.
//
//   kHead ──head complete──▶ kHandling ──respond()──▶ kWriting ──┐
//     ▲                          └──start()──▶ kStreaming ───────┤ written
//     └───────── kDraining (what is left of the request) ◀───────┤
//                                  kLingering (say no more) ◀────┘ ──▶ kClosed
//
// One request at a time: what a client pipelines waits in the buffer. Loop thread only, except where
// ExchangeSide says otherwise. Internal to http.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "http/asio.h"
#include "http/body_reader.h"
#include "http/deadlines.h"
#include "http/exchange_side.h"
#include "http/loops_impl.h"
#include "http/receive_buffer.h"
#include "http/send_queue.h"

namespace writ::http {

class Connection;

// What the connections of one server share; it lives as long as the last of them.
struct ServerCore {
  ServerCore(Loops& all_loops, ServerOptions given, std::shared_ptr<Handler> to)
      : loops(all_loops), options(std::move(given)), handler(std::move(to)), connections(all_loops.size()) {}

  Loops& loops;
  const ServerOptions options;
  const std::shared_ptr<Handler> handler;
  std::vector<std::unordered_set<Connection*>> connections;  // per loop, touched by its thread only
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> malformed{0};
};

class Connection final : public internal::ExchangeSide,
                         public Timed,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerCore> core, std::size_t loop, Tcp::socket socket);
  ~Connection() override;

  void begin();
  // No new request is taken; between requests the connection ends now.
  void drain_for_stop();
  void close();

 private:
  enum class State { kHead, kHandling, kWriting, kStreaming, kDraining, kLingering, kClosed };

  // ExchangeSide.
  void read_body(BodyCallback callback) override;
  void read_whole_body(std::uint64_t max_bytes, std::move_only_function<void(Exchange)> callback) override;
  void respond(Response response) override;
  void start(ResponseHead head) override;
  void write(std::string_view bytes, DoneCallback callback) override;
  void finish() override;
  void abort() override;
  void abandoned() override;

  void on_deadline() override;

  // Reading.
  void serve();
  bool next_request();
  void hand_out();
  std::optional<Refusal> accept_head(std::string_view head);
  void receive(std::size_t wanted, std::size_t max);
  void on_received(SystemError error, std::size_t count);
  void continue_body();
  void collect_body();
  bool send_continue();
  void drain();
  void linger();

  // Answering.
  void refuse(const Refusal& refusal);
  void send_response(const Response& response);
  void flush();
  void on_written();
  void end_response();
  void fail_body(ErrorCode code, std::string message);
  void post_body(Result<std::string_view> piece);
  void post_written(Result<void> result);
  bool on_loop() const noexcept { return core_->loops.current() == loop_; }

  const std::shared_ptr<ServerCore> core_;
  Tcp::socket socket_;
  State state_ = State::kHead;
  bool serving_ = false;    // serve() is on the stack
  bool receiving_ = false;  // a read of the socket is under way
  bool close_after_ = false;
  bool head_begun_ = false;  // bytes of the next head have come

  ReceiveBuffer in_;
  std::size_t head_seen_ = 0;
  BodyReader body_;
  bool continue_due_ = false;
  std::uint64_t body_bytes_ = 0;
  BodyCallback body_callback_;
  std::move_only_function<void(Exchange)> whole_callback_;
  std::uint64_t whole_max_ = 0;

  std::string out_;       // the head, and small bodies
  std::string out_body_;  // a larger body
  SendQueue queue_;
  DoneCallback write_callback_;
  bool head_pending_ = false;  // a streamed head waits for the first bytes of its body
  bool chunked_ = false;
  bool no_body_ = false;  // HEAD, 204, 304: whatever is written goes nowhere
  bool finishing_ = false;
  std::uint64_t length_left_ = 0;
};

}  // namespace writ::http
