// The outbound side: HTTP/1.1 and HTTP/2 to configured origins, with a pool of kept connections per loop,
// bodies streamed both ways, and the framing of answers checked as strictly as that of requests.
//
// It connects only to origins its caller configured, through a proxy where its options name one; it follows
// no redirects and reads no settings of the environment. A request is sent a second time only where that is
// safe: it went to a kept-alive connection that ended before the first byte of an answer, and either nothing
// had been sent, or the method is idempotent and there is no body (RFC 9110 §9.2.2); or the upstream itself
// said that it did nothing (RFC 9113 §6.8, §8.7).
//
// Streaming use, on a loop thread:  open → write_body* → finish_body → read_head → read_body until empty.
// Simple use, on any other thread:  fetch().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/address_rules.h"
#include "http/headers.h"
#include "http/loops.h"
#include "http/outbound_proxy.h"
#include "http/response.h"
#include "http/shares.h"
#include "http/tls/context.h"

namespace writ::http {

// Whether requests may go over HTTP/2.
enum class Http2 {
  kNo,
  kOffered,  // in TLS (ALPN); the upstream chooses
  kKnown,    // it is spoken from the first byte on, in plain (RFC 9113 §3.3)
};

// Where requests go: scheme, host and port, and a path prefix without a slash at its end. Made by
// parse_origin.
struct Origin {
  std::string host;
  std::uint16_t port;
  std::string path_prefix;               // "" or "/base", encoded
  std::string authority;                 // for the Host field; without the port when it is the scheme's own
  std::shared_ptr<const TlsClient> tls;  // of https; null: plain
  std::string pool;                      // origins whose connections are as good have the same
  // The numeric address that is connected to; empty: the host's own, or what it resolves to at that moment.
  std::string address = {};
  std::string socket = {};  // the path of a Unix socket, which is connected to instead
  std::string group = {};   // whose calls share places (http/shares.h); empty: those of the pool
  Http2 http2 = Http2::kNo;
};
// "http://127.0.0.1:9001/base", or https, which trusts what the system trusts.
Result<Origin> parse_origin(std::string_view url);
// The same origin with another CA, or with a client's certificate. Only of https.
Origin with_tls(Origin origin, std::shared_ptr<const TlsClient> tls);

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds read_timeout{
      30'000};  // from the request's end to the answer's head, and between reads
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds idle_timeout{30'000};  // of a pooled connection; keep it below the upstream's own
  std::size_t max_idle_per_origin = 64;            // per loop
  // Per loop; beyond it, and beyond a caller's share of it (http/shares.h), a call fails with kOverloaded.
  std::size_t max_connections_per_origin = 1'024;
  std::size_t max_head_bytes = 32 * 1024;
  std::size_t max_headers = 200;
  std::shared_ptr<const AddressRules> rules = {};   // null: whatever address a configured name has
  std::shared_ptr<const OutboundProxy> proxy = {};  // null: none
  const char* peer = "upstream";                    // what messages call the other side
};

// Of one call; absent: as the client's options say.
struct CallTimeouts {
  std::optional<std::chrono::milliseconds> connect = {};
  std::optional<std::chrono::milliseconds> first_byte = {};  // from the request's end to the answer's head
  std::optional<std::chrono::milliseconds> idle = {};        // between two pieces of the answer

  bool operator==(const CallTimeouts&) const = default;
};

struct Outbound {
  std::string method;
  std::string target;  // origin-form, encoded (http/target.h); the origin's prefix is put in front
  Headers headers;     // without Host and the framing fields, which the client answers for
  bool has_body = false;
  std::optional<std::uint64_t> content_length = std::nullopt;  // of the body; chunked when absent
  Shares::Party party = {};                                    // whom the call is for
  CallTimeouts timeouts = {};
  // Asks for an upgrade to a WebSocket. When the answer is 101, write_body() and read_body() carry what
  // follows both heads, either way at any time and without a deadline but for a write that is not taken.
  // Always over HTTP/1.1.
  bool web_socket = false;
  bool takes_trailers = false;  // the upstream is told so, over HTTP/2
};

struct InboundHead {
  int status;
  Headers headers;  // as received
  bool has_body;
  std::optional<std::uint64_t> content_length;  // nothing: chunked, or until the connection ends
  bool may_have_trailers = false;               // it came over HTTP/2
};

struct CallError {
  enum class Kind {
    kUnreachable,  // no connection: unknown host, refused, a certificate that is not good
    kTimeout,      // of connecting, writing or reading
    kBroken,       // the connection ended in the middle
    kMalformed,    // the answer is not proper HTTP
    kOverloaded,   // max_connections_per_origin, or the caller's share of them
  };
  Kind kind;
  std::string message;
  // Not a byte of the request was sent, or the upstream says that it did nothing with what was.
  bool unsent = false;
  bool unanswered = false;  // not a byte of an answer had come
};
template <class T>
using CallResult = std::expected<T, CallError>;

namespace internal {
class CallSide;
}

// One request to an upstream and its answer. Loop thread only; callbacks come there, and never from inside
// the call that was given them. Destroying it early closes its connection.
class Call {
 public:
  using Done = std::move_only_function<void(CallResult<void>)>;
  using HeadDone = std::move_only_function<void(CallResult<InboundHead>)>;
  using PieceDone = std::move_only_function<void(CallResult<std::string_view>)>;

  Call() = default;  // no call yet; using it is a defect
  Call(Call&& other) noexcept = default;
  Call& operator=(Call&& other) noexcept;
  ~Call();
  explicit operator bool() const noexcept { return side_ != nullptr; }

  // Only when has_body. One at a time; the bytes must live until the callback.
  void write_body(std::string_view bytes, Done callback);
  // Trailers (RFC 9110 §6.5) go over HTTP/2 only.
  void finish_body(Done callback, Headers trailers = {});

  // May be called while the body is still being written: an upstream may answer early.
  void read_head(HeadDone callback);
  // The next piece, valid until the next read; empty at the end of the body, when the connection has gone
  // back to the pool.
  void read_body(PieceDone callback);
  // Of the answer, after the end of its body; none over HTTP/1.
  Headers take_trailers();

  // After a failure: the request as it was given, to be sent elsewhere. The call is of no use any more.
  Outbound take_back();

  // http only.
  explicit Call(std::shared_ptr<internal::CallSide> side);

 private:
  void drop() noexcept;
  std::shared_ptr<internal::CallSide> side_;
};

struct ClientStats {
  std::uint64_t connections_opened;
  std::uint64_t connections_reused;
  std::uint64_t retries;
  std::uint64_t over_share;  // calls that failed, because their caller had its share of the origin's places
};

struct ClientCore;  // http only

class Client {
 public:
  Client(Loops& loops, ClientOptions options);
  // Fails all calls under way. Not from a loop.
  ~Client();

  // Takes a pooled connection or begins to connect, and sends the head (with the body's first piece, if there
  // is a body). Loop thread only. What goes wrong is told by the call's callbacks.
  Call open(const Origin& origin, Outbound request);
  // A call that fails so, without anything having been connected to.
  Call refuse(const Origin& origin, Outbound request, CallError error);

  // A whole request and its whole answer, blocking; never on a loop thread.
  Result<Response> fetch(const Origin& origin, Outbound request, std::string body = {},
                         std::size_t max_body_bytes = 1 << 20);

  ClientStats stats() const noexcept;

 private:
  std::shared_ptr<ClientCore> core_;
};

}  // namespace writ::http
