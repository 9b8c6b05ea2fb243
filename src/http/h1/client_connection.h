// Outbound connections and the calls made on them. Internal to http.
//
// A connection outlives its calls: between two it is idle in the pool of its loop, with a read under way, so
// that it learns at once when the upstream closes it. A call may use two connections, when the first turns
// out to be closed and sending again is safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "http/client.h"
#include "http/h1/body_reader.h"
#include "http/h1/framing.h"
#include "http/net/asio.h"
#include "http/net/deadlines.h"
#include "http/net/loops_impl.h"
#include "http/net/receive_buffer.h"
#include "http/net/send_queue.h"
#include "http/net/stream.h"

namespace writ::http {

class ClientConnection;
class CallState;

// The connections of one address on one loop. Gone with the last of them: addresses come and go.
struct OriginPool {
  std::vector<std::shared_ptr<ClientConnection>> idle;  // the one used last is at the end
  std::size_t open = 0;
};

struct ClientLoop {
  explicit ClientLoop(std::size_t most) : places(most) {}
  // References stay good until the last connection is closed.
  OriginPool& pool(const std::string& name) { return pools[name]; }
  // Of the calls under way. References stay good.
  Shares& shares_of(const Origin& origin) {
    return shares.try_emplace(origin.group.empty() ? origin.pool : origin.group, places).first->second;
  }

  const std::size_t places;
  std::unordered_map<std::string, OriginPool> pools;  // by Origin::pool
  std::unordered_map<std::string, Shares> shares;     // by Origin::group
  std::unordered_set<CallState*> calls;
};

struct ClientCore {
  ClientCore(Loops& all_loops, ClientOptions given)
      : loops(all_loops),
        options(given),
        per_loop(all_loops.size(), ClientLoop(given.max_connections_per_origin)) {}

  Loops& loops;
  const ClientOptions options;
  std::vector<ClientLoop> per_loop;  // each touched by its loop's thread only
  std::atomic<std::uint64_t> opened{0};
  std::atomic<std::uint64_t> reused{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> over_share{0};
};

class ClientConnection final : public Timed, public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin);
  ~ClientConnection() override;

  void connect();
  void attach(CallState& owner);
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
  void shake_hands();
  void handshake_failed();
  void ready();
  OriginPool& pool() { return core_->per_loop[loop_].pool(origin_.pool); }
  void fail(CallError::Kind kind, std::string message);

  const std::shared_ptr<ClientCore> core_;
  const std::size_t loop_;
  const Origin origin_;
  Stream stream_;
  std::unique_ptr<Tcp::resolver> resolver_;
  CallState* owner_ = nullptr;
  bool connected_ = false;
  bool closed_ = false;
  bool receiving_ = false;
  bool reused_ = false;
};

namespace internal {
class CallSide {
 public:
  virtual ~CallSide() = default;
  virtual void write_body(std::string_view bytes, Call::Done callback) = 0;
  virtual void finish_body(Call::Done callback) = 0;
  virtual void read_head(Call::HeadDone callback) = 0;
  virtual void read_body(Call::PieceDone callback) = 0;
  virtual Outbound take_back() = 0;
  virtual void drop() noexcept = 0;
};
}  // namespace internal

class CallState final : public internal::CallSide, public std::enable_shared_from_this<CallState> {
 public:
  CallState(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin, Outbound request);
  ~CallState() override;

  void begin();

  // CallSide.
  void write_body(std::string_view bytes, Call::Done callback) override;
  void finish_body(Call::Done callback) override;
  void read_head(Call::HeadDone callback) override;
  void read_body(Call::PieceDone callback) override;
  Outbound take_back() override { return std::move(request_); }
  void drop() noexcept override;

  // From the connection.
  void on_connected();
  void on_sent();
  void on_received();
  // By the upstream; `whole`: as it should, and not in the middle of a word.
  void on_closed(bool whole);
  void fail(CallError::Kind kind, std::string message);

 private:
  void give_share_back() noexcept;
  void take_connection(bool pooled);
  void write_head(const Origin& origin);
  void send_request();
  void refuse_body();
  void wait_for_answer();
  void parse_head();
  bool take_head(std::string_view head);
  void continue_body();
  void end_body();
  bool may_be_sent_twice() const;
  bool may_send_again() const;

  template <class Callback, class Value>
  void post(Callback& callback, Value value);

  const std::shared_ptr<ClientCore> core_;
  const std::size_t loop_;
  const Origin origin_;
  Shares& shares_;
  bool has_share_ = false;
  Outbound request_;
  std::string head_;
  std::string chunk_;
  std::shared_ptr<ClientConnection> connection_;
  std::optional<CallError> error_;

  bool head_sent_ = false;  // at least in part
  bool request_done_ = false;
  bool tunnel_ = false;  // switched to a WebSocket
  std::uint64_t length_left_ = 0;
  Call::Done write_callback_;

  std::size_t head_seen_ = 0;
  bool answer_begun_ = false;
  BodyReader body_;
  Framing framing_;
  InboundHead answer_{.status = 0, .headers = {}, .has_body = false, .content_length = std::nullopt};
  bool head_ready_ = false;
  Call::HeadDone head_callback_;
  Call::PieceDone body_callback_;
};

}  // namespace writ::http
