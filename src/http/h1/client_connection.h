// Outbound connections and the calls made on them. Internal to http.
//
// A connection outlives its calls: between two it is idle in the pool of its loop, with a read under way, so
// that it learns at once when the upstream closes it. A call may use two connections, when the first turns
// out to be closed and sending again is safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/call_side.h"
#include "http/h1/body_reader.h"
#include "http/h1/framing.h"
#include "http/h1/tunnel.h"
#include "http/net/asio.h"
#include "http/net/deadlines.h"
#include "http/net/receive_buffer.h"
#include "http/net/send_queue.h"
#include "http/net/stream.h"

namespace writ::http {

// Whoever has the connection: a call of HTTP/1, or an HTTP/2 session. Any of these may end it.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual void on_connected() = 0;
  virtual void on_sent() = 0;
  virtual void on_received() = 0;
  // By the upstream; `whole`: as it should, and not in the middle of a word.
  virtual void on_closed(bool whole) = 0;
  // The connection is closed already.
  virtual void on_failed(CallError::Kind kind, std::string message) = 0;
};

class ClientConnection final : public Timed, public std::enable_shared_from_this<ClientConnection> {
 public:
  // `http2`: it is offered in TLS.
  ClientConnection(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin, bool http2);
  ~ClientConnection() override;

  void connect();
  void attach(ConnectionOwner& owner);
  void detach() noexcept { owner_ = nullptr; }
  // Ready for the next call: into the pool, or closed when that is full.
  void release();
  void close();

  // Sends what is in `queue`, then tells the owner.
  void send();
  // Reads more, unless a read is under way. False: the buffer is full.
  bool receive();

  void expire_after(std::chrono::milliseconds delay) { Timed::expire_after(delay); }
  void expire_never() noexcept { Timed::expire_never(); }
  bool connected() const noexcept { return connected_; }
  bool reused() const noexcept { return reused_; }
  bool speaks_http2() const noexcept { return speaks_http2_; }
  // Nothing came, not even the end, since the last answer. One system call.
  bool is_quiet() noexcept;

  SendQueue queue;
  ReceiveBuffer in;

 private:
  void on_deadline() override;
  void connect_to_socket();
  void on_resolved(std::vector<Tcp::endpoint> endpoints);
  void connect_to(std::vector<Tcp::endpoint> endpoints, std::size_t index);
  void on_connected();
  void secure();
  void shake_hands();
  void handshake_failed();
  void ready();
  // h1/client_tunnel.cc
  bool goes_through_proxy() const;
  void ask_for_name();
  void ask_for_address(const Tcp::endpoint& endpoint);
  void call_proxy(std::string target);
  void ask_proxy();
  void send_to_proxy();
  void hear_proxy();
  void take_proxys_answer();
  void refused_by_proxy(int status);
  std::string peer() const;
  OriginPool& pool() { return core_->per_loop[loop_].pool(origin_.pool); }
  void fail(CallError::Kind kind, std::string message);

  const std::shared_ptr<ClientCore> core_;
  const std::size_t loop_;
  const Origin origin_;
  const bool offers_http2_;
  Stream stream_;
  std::unique_ptr<Tcp::resolver> resolver_;
  std::unique_ptr<Tunnel> tunnel_;  // while it is dug
  ConnectionOwner* owner_ = nullptr;
  bool connected_ = false;
  bool closed_ = false;
  bool receiving_ = false;
  bool reused_ = false;
  bool speaks_http2_ = false;
};

class CallState final : public internal::CallSide, public ConnectionOwner {
 public:
  using CallSide::CallSide;

  // CallSide.
  void write_body(std::string_view bytes, Call::Done callback) override;
  void finish_body(Call::Done callback, Headers trailers) override;
  void read_head(Call::HeadDone callback) override;
  void read_body(Call::PieceDone callback) override;
  Headers take_trailers() override;
  Outbound take_back() override;
  void drop() noexcept override;
  void fail(CallError::Kind kind, std::string message) override;

  // From the connection.
  void on_connected() override;
  void on_sent() override;
  void on_received() override;
  void on_closed(bool whole) override;
  void on_failed(CallError::Kind kind, std::string message) override { fail(kind, std::move(message)); }

 private:
  void find_connection() override;
  void take_connection(bool pooled);
  void go_on_over_http2();
  void write_head(const Origin& origin);
  void send_request();
  void refuse_body();
  void wait_for_answer();
  void parse_head();
  bool take_head(std::string_view head);
  void continue_body();
  void end_body();
  bool may_send_again() const;

  std::string head_;
  std::string chunk_;
  std::shared_ptr<ClientConnection> connection_;
  std::shared_ptr<internal::CallSide> other_;  // has taken over, over HTTP/2
  std::string_view piece_;                     // that is being written
  Headers trailers_;                           // which HTTP/1 leaves out

  bool head_sent_ = false;  // at least in part
  bool tunnel_ = false;     // switched to a WebSocket

  std::size_t head_seen_ = 0;
  bool answer_begun_ = false;
  BodyReader body_;
  Framing framing_;
  InboundHead answer_{.status = 0, .headers = {}, .has_body = false, .content_length = std::nullopt};
  bool head_ready_ = false;
};

}  // namespace writ::http
