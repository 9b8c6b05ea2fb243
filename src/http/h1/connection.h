// One accepted connection: reads request heads, hands out an Exchange for each, writes the answer, and goes
// on.
//
//   kOpening (PROXY header, TLS)
//     ▼
//   kHead ──head complete──▶ kHandling ──respond()──▶ kWriting ──┐
//     ▲                          └──start()──▶ kStreaming ───────┤ written
//     └───────── kDraining (what is left of the request) ◀───────┤
//                                  kLingering (say no more) ◀────┘ ──▶ kClosed
//
// One request at a time: what a client pipelines waits in the buffer. Loop thread only, except where
// ExchangeSide says otherwise. Internal to http.
#pragma once

#include <atomic>
#include <cstdio>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/published.h"
#include "http/exchange_side.h"
#include "http/h1/body_reader.h"
#include "http/handler.h"
#include "http/net/asio.h"
#include "http/net/body_terms.h"
#include "http/net/deadlines.h"
#include "http/net/loops_impl.h"
#include "http/net/places.h"
#include "http/net/receive_buffer.h"
#include "http/net/send_queue.h"
#include "http/net/stream.h"
#include "http/net/use_order.h"
#include "http/server.h"

namespace writ::http {

class Connection;
class Http2Session;

inline constexpr std::size_t kBufferBytes = 8 * 1024;
inline constexpr std::size_t kBodyBufferBytes = 64 * 1024;
// How much of a body nobody asked for is read to keep the connection.
inline constexpr std::uint64_t kMaxDrainedBytes = 256 * 1024;

FramingRefusal bad_body();
HeadLimits head_limits(const ServerOptions& options);
// Tells the operator, now and then, of what came too slowly (408) or is too large (413, 414, 431).
void say_met(int status);

// Bytes that may be held at one time, by all together.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t max) : max_(max) {}
  bool take(std::uint64_t bytes) noexcept {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= max_) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  const std::uint64_t max_;
  std::atomic<std::uint64_t> used_{0};
};

// What the connections of one server share; it lives as long as the last of them.
struct ServerCore {
  ServerCore(Loops& all_loops, ServerOptions given, std::shared_ptr<Handler> to)
      : loops(all_loops),
        options(std::move(given)),
        handler(std::move(to)),
        connections(all_loops.size()),
        by_use(all_loops.size()),
        places(options.max_connections, options.max_connections_per_source),
        tls(options.tls),
        stranger_bytes(options.max_stranger_bytes),
        known_bytes(options.max_known_bytes) {}

  Loops& loops;
  const ServerOptions options;
  const std::shared_ptr<Handler> handler;
  using BySource = std::unordered_map<Source, std::vector<Connection*>>;
  std::vector<BySource> connections;  // per loop, touched by its thread only
  std::vector<UseOrder> by_use;       // the same ones
  Places places;
  Published<TlsServer> tls;                // of options.tls, until it is replaced
  ByteBudget stranger_bytes, known_bytes;  // of bodies that are read whole
  std::atomic<bool> stopping{false};
  std::atomic<bool> ended{false};     // nobody is served any more
  std::atomic<bool> draining{false};  // also when stopping: answers say `Connection: close`
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> over_source_limit{0};
  std::atomic<std::uint64_t> made_room{0};
  std::atomic<std::uint64_t> accept_failures{0};
  std::atomic<std::uint64_t> handshakes{0};
  std::atomic<std::uint64_t> handshakes_failed{0};
  std::atomic<std::uint64_t> proxy_headers_refused{0};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> bodies_refused{0};
  std::atomic<std::uint64_t> out_of_memory{0};
  std::atomic<std::uint64_t> http2_connections{0};
  std::atomic<std::uint64_t> http2_streams_refused{0};
  std::atomic<std::uint64_t> http2_floods{0};
};

class Connection final : public internal::ExchangeSide,
                         public Timed,
                         public UseOrder::Place,
                         public std::enable_shared_from_this<Connection> {
 public:
  // Holds the place that was taken for it, and gives it back.
  Connection(std::shared_ptr<ServerCore> core, std::size_t loop, Tcp::socket socket, const Address& peer,
             Places::Holder holder);
  ~Connection() override;

  void begin();
  // No new request is taken; between requests the connection ends now. A caller that has just come is on its
  // way with its first one, and has a second for it.
  void drain_for_stop();
  void close();
  // Between two requests, or not beyond the first one's head, or answered: nothing is lost that was promised.
  bool idle() const noexcept;
  void request_begins() noexcept;
  // For whoever gives its place to somebody else.
  bool of_proxy() const noexcept { return holder_.proxy; }

  // For its Http2Session, which it is the socket, the place and the clock of.
  ServerCore& core() noexcept { return *core_; }
  const Address& peer() const noexcept { return peer_; }
  // Of this connection alone: what a proxy shows says nothing of who is behind it.
  const std::string& peer_certificate() const noexcept { return request_.peer_certificate; }
  const auto& peer_names() const noexcept { return request_.peer_names; }
  Places::Holder holder() const noexcept { return holder_; }
  std::size_t loop() const noexcept { return loop_; }
  bool on_loop() const noexcept { return core_->loops.current() == loop_; }
  Stream& stream() noexcept { return stream_; }
  ReceiveBuffer& in() noexcept { return in_; }
  void receive(std::size_t wanted, std::size_t max);
  void expire_at(SteadyTime when);
  // Says no more, and closes once the peer had time to read what was said.
  void linger();
  // A proxy's request says whose it is; or it is refused.
  std::optional<FramingRefusal> tell_source(Request& request) const;
  // Runs a step of this connection. One that fails, for want of memory or by a defect, ends this connection
  // and no other.
  template <class Step>
  void guarded(Step step) noexcept;

 private:
  // kHttp2: all further is Http2Session's.
  enum class State {
    kOpening,
    kHead,
    kHandling,
    kWriting,
    kStreaming,
    kDraining,
    kHttp2,
    kLingering,
    kClosed
  };

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
  void abort() override;
  void abandoned() override;

  // Of its loop. Unlike the executor of the stream, what is posted to it needs no memory for its type.
  asio::io_context& context() noexcept { return core_->loops.impl().loops[loop_]->context; }
  void on_deadline() override;
  void end_late();
  void begin_unguarded();

  void enlist();
  void strike_off() noexcept;
  void leave() noexcept;

  // Before the first request (connection_opening.cc).
  void read_proxy_header();
  void on_proxy_header(std::string_view header);
  bool belongs_to(const Address& source);
  void begin_tls();
  void shake_hands();
  void handshake_failed();
  void opened();
  bool begins_http2();
  void begin_http2();

  // Reading.
  void serve();
  bool next_request();
  void hand_out();
  std::optional<FramingRefusal> accept_head(std::string_view head);
  std::optional<FramingRefusal> accept_upgrade();
  void start_tunnel(const ResponseHead& head);
  void on_received(SystemError error, std::size_t count);
  void continue_body();
  void collect_body();
  void wait_for_piece();
  bool send_continue();
  void drain();

  // Answering.
  void refuse(const FramingRefusal& refusal);
  void send_response(const Response& response);
  void flush();
  void on_written();
  void end_response();
  void fail_body(ErrorCode code, std::string message);
  void post_body(Result<std::string_view> piece);
  void post_written(Result<void> result);

  const std::shared_ptr<ServerCore> core_;
  Stream stream_;
  Address peer_;  // of the TCP connection, or as the PROXY header says
  Places::Holder holder_;
  std::size_t among_own_ = 0;  // index in the loop's list of this source's connections
  State state_ = State::kOpening;
  bool serving_ = false;    // serve() is on the stack
  bool receiving_ = false;  // a read of the socket is under way
  bool close_after_ = false;
  bool head_begun_ = false;  // bytes of the next head have come
  bool served_ = false;      // a request was answered

  ReceiveBuffer in_;
  std::size_t head_seen_ = 0;
  BodyReader body_;
  bool continue_due_ = false;
  std::uint64_t body_bytes_ = 0;
  BodyCallback body_callback_;
  std::move_only_function<void(Exchange)> whole_callback_;
  std::uint64_t whole_max_ = 0;
  BodyTerms terms_;

  Response handed_over_ = {};  // by another thread, which has the only exchange: the loop takes it from here
  std::string out_;            // the head, and small bodies
  std::string out_body_;       // a larger body
  SendQueue queue_;
  DoneCallback write_callback_;
  bool head_pending_ = false;  // a streamed head waits for the first bytes of its body
  bool chunked_ = false;
  bool until_close_ = false;  // the end of the connection ends the answer: HTTP/1.0, without a length
  bool no_body_ = false;      // HEAD, 204, 304: whatever is written goes nowhere
  bool finishing_ = false;
  bool tunnel_ = false;  // switched to a WebSocket: no byte is HTTP any more, either way
  std::uint64_t length_left_ = 0;

  bool may_be_http2_;  // nothing has been read that the preface of HTTP/2 does not begin with
  std::unique_ptr<Http2Session> http2_;
};

template <class Step>
void Connection::guarded(Step step) noexcept {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    core_->out_of_memory.fetch_add(1, std::memory_order_relaxed);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "writ: defect: exception on a connection: %s\n", exception.what());
  }
  close();
}

}  // namespace writ::http
