// A server of HTTP/1.1 and HTTP/2: strict framing (RFC 9112, RFC 9113), limits on everything, keep-alive;
// HTTP/1.1 pipelines one at a time.
//
// A connection whose framing is in doubt gets one JSON error and is closed; its bytes never reach a handler.
// Handlers get an Exchange: one request, and the one answer to it. http/endpoints.h makes a Handler from
// plain functions Request → Response.
//
//   Loops loops(2);
//   auto server = TRY(Server::start(loops, {.port = 8180}, handler));
//   ...
//   server->stop(std::chrono::seconds(10));
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/forwarded.h"
#include "http/handler.h"
#include "http/loops.h"
#include "http/source.h"
#include "http/tls/context.h"

namespace writ::http {

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IPv4 or IPv6 address
  std::uint16_t port = 8180;          // 0 lets the system choose; see Server::port()
  std::size_t max_connections = 10'000;
  std::size_t max_connections_per_source = 256;     // http/source.h; `proxies` have no such limit
  Networks proxies;                                 // the operator's own, in front of this server
  ForwardedBy forwarded_by = ForwardedBy::kEither;  // whose word for the caller's address is taken
  // Each connection begins with a PROXY header, version 2, and comes from one of `proxies`; or is closed.
  bool proxy_protocol = false;
  std::shared_ptr<const TlsServer> tls;                     // null: plain TCP
  std::size_t max_head_bytes = 16 * 1024;                   // request line and header fields: 431
  std::size_t max_headers = 100;                            // 431
  std::size_t max_target_bytes = 8 * 1024;                  // 414
  std::uint64_t max_body_bytes = 1 << 20;                   // of a body read whole: 413
  std::uint64_t max_stream_bytes = std::uint64_t{1} << 40;  // of a streamed body: 413
  // Between requests: closed without a word. Longer than the 60 s of most load balancers, which then close
  // first and never send a request into a connection that is being closed.
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds handshake_timeout{10'000};  // for the PROXY header and TLS, each
  std::chrono::milliseconds header_timeout{
      10'000};  // from a request's first byte to the end of its head: 408
  // For all of a body that is read whole; of a streamed one, how far it may fall behind min_body_rate: 408.
  std::chrono::milliseconds body_timeout{30'000};
  std::uint64_t min_body_rate = 1024;  // bytes per second
  // Of bodies that are read whole and not answered yet, all together: 503. Those of strangers, and those of
  // callers whose credentials were found good, so that the former never take the latter's.
  std::uint64_t max_stranger_bytes = std::uint64_t{8} << 20;
  std::uint64_t max_known_bytes = std::uint64_t{64} << 20;
  std::chrono::milliseconds write_timeout{30'000};  // a write the client does not take: closed
  // The handler may answer an upgrade to a WebSocket with 101 (http/web_socket.h); false: 501.
  bool web_sockets = false;
  // HTTP/2: by ALPN, and with prior knowledge where there is no TLS. Its other limits are h2/limits.h.
  bool http2 = true;
  std::size_t max_streams = 100;  // requests of one connection at a time: more get REFUSED_STREAM
  std::uint64_t max_requests_per_connection = 1'000'000;  // then GOAWAY; what is under way is finished
};

// Counters for /metrics; monotone except connections_open.
struct ServerStats {
  std::uint64_t connections_accepted;
  std::uint64_t connections_refused;            // no place was left: 503
  std::uint64_t connections_over_source_limit;  // 429
  std::uint64_t connections_made_room;  // idle ones of the source that had most, closed for a newcomer
  std::uint64_t accept_failures;        // for want of descriptors or memory
  std::uint64_t handshakes;             // of TLS, that came to their good end
  std::uint64_t handshakes_failed;
  std::uint64_t proxy_headers_refused;  // not from a proxy, or malformed
  std::uint64_t connections_open;
  std::uint64_t requests;
  std::uint64_t requests_malformed;  // refused by the server itself: framing, limits, timeouts
  std::uint64_t bodies_refused;      // for want of max_stranger_bytes or max_known_bytes
  std::uint64_t out_of_memory;       // connections that ended for want of memory
  std::uint64_t stranger_bytes;      // held now
  std::uint64_t known_bytes;
  std::uint64_t http2_connections;
  std::uint64_t http2_streams_refused;  // for want of a place: REFUSED_STREAM
  std::uint64_t http2_floods;           // connections that were ended for what they cost: ENHANCE_YOUR_CALM
};

class Server {
 public:
  // Listens and serves. Fails with kConflict when the address is taken, kInvalid when it is none.
  static Result<std::unique_ptr<Server>> start(Loops& loops, ServerOptions options,
                                               std::shared_ptr<Handler> handler);
  ~Server();

  std::uint16_t port() const noexcept;
  ServerStats stats() const noexcept;

  // New connections get these certificates and rules; those there are keep theirs. Only where the server
  // began with some. Thread-safe.
  void replace_tls(std::shared_ptr<const TlsServer> tls);
  std::shared_ptr<const TlsServer> tls() const;

  // Goes on as before, but answers say `Connection: close`: callers and load balancers go elsewhere by and
  // by.
  void begin_drain() noexcept;

  // Stops accepting, closes idle connections, lets requests in flight finish until the deadline, then closes
  // them. Returns when no connection is left. True: all finished in time. Not from a loop thread.
  bool stop(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace writ::http
