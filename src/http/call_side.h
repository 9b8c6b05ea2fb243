// What is behind a Call, in both protocols, and what the calls of one client share. Internal to http.
//
//   CallState (h1/)    one request on a connection that it has for itself
//   Http2Call (h2/)    one request beside others of one connection
//
// Which one it is may turn out only when the connection is there (ALPN): a CallState then hands all that it
// has over to an Http2Call. Loop thread only.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "http/client.h"
#include "http/h1/framing.h"
#include "http/h2/limits.h"
#include "http/net/asio.h"
#include "http/net/loops_impl.h"

namespace writ::http {

class ClientConnection;
class Http2ClientSession;

// The connections of one address on one loop. Gone with the last of them: addresses come and go.
struct OriginPool {
  std::vector<std::shared_ptr<ClientConnection>> idle;  // of HTTP/1; the one used last is at the end
  std::vector<std::shared_ptr<Http2ClientSession>> sessions;
  std::size_t open = 0;  // of both
  // Calls at a time that the last one of these sessions takes whose upstream has said so.
  std::size_t calls_at_a_time = h2::kMaxCalls;
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
  std::unordered_set<internal::CallSide*> calls;
};

struct ClientCore {
  ClientCore(Loops& all_loops, ClientOptions given)
      : loops(all_loops),
        options(given),
        per_loop(all_loops.size(), ClientLoop(given.max_connections_per_origin)) {}

  HeadLimits head_limits() const noexcept {
    return {.max_head_bytes = options.max_head_bytes,
            .max_headers = options.max_headers,
            .max_target_bytes = options.max_head_bytes};
  }

  Loops& loops;
  const ClientOptions options;
  std::vector<ClientLoop> per_loop;  // each touched by its loop's thread only
  std::atomic<std::uint64_t> opened{0};
  std::atomic<std::uint64_t> reused{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> over_share{0};
};

namespace internal {

class CallSide : public std::enable_shared_from_this<CallSide> {
 public:
  CallSide(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin, Outbound request);
  virtual ~CallSide();

  // Of a new call: takes its share of the origin's places, and a connection.
  void begin();

  virtual void write_body(std::string_view bytes, Call::Done callback) = 0;
  virtual void finish_body(Call::Done callback, Headers trailers) = 0;
  virtual void read_head(Call::HeadDone callback) = 0;
  virtual void read_body(Call::PieceDone callback) = 0;
  virtual Headers take_trailers() = 0;
  virtual Outbound take_back() { return std::move(request_); }
  virtual void drop() noexcept = 0;
  virtual void fail(CallError::Kind kind, std::string message) = 0;

 protected:
  virtual void find_connection() = 0;

  // RFC 9110 §9.2.2: whatever its first try has done.
  bool may_be_sent_twice() const noexcept;
  void give_share_back() noexcept;
  // Of a call that is given up in favour of this one: its request and its share.
  void take_over(CallSide& other) noexcept;
  // Whoever waits hears of `error_`.
  void tell_error();

  template <class Callback, class Value>
  void post(Callback& callback, Value value) {
    if (!callback) return;
    asio::post(core_->loops.impl().loops[loop_]->context,
               [self = shared_from_this(), call = std::exchange(callback, nullptr),
                value = std::move(value)]() mutable { call(std::move(value)); });
  }

  const std::shared_ptr<ClientCore> core_;
  const std::size_t loop_;
  const Origin origin_;
  Outbound request_;
  std::uint64_t length_left_ = 0;  // of the body, if that is known
  bool request_done_ = false;
  std::optional<CallError> error_;
  Call::Done write_callback_;
  Call::HeadDone head_callback_;
  Call::PieceDone body_callback_;

 private:
  Shares& shares_;
  bool has_share_ = false;
};

}  // namespace internal
}  // namespace writ::http
