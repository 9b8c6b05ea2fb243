// Proxy: the gateway's HTTP handler. It finds the route, asks the Enforcer, and forwards what is permitted.
//
// Bodies stream both ways with one piece in flight each, so a slow side slows the other and nothing piles up;
// an upstream may answer before the request's body has ended. A body is read, and `100 Continue` sent, only
// after the decision; but where a route finds an amount in it, or the request brings an approval of it along,
// all of it is read before, up to a limit, and what was read is what is forwarded. Where people have to
// approve the call it is read after the refusal, and put before them. What Writ itself answers is JSON with a
// stable `error`: not_found, method_not_allowed, upstream_unreachable, upstream_broken, upstream_malformed
// (502), upstream_timeout (504), overloaded (503), rate_limited (429), and the refusals (gateway/refusal.h).
// Where an API has pages of other origins (gateway/cors.h), preflights are answered without a decision. An
// answer that breaks in the middle closes the caller's connection.
//
// WebSockets (gateway/web_sockets.h), event streams and answers of routes that are marked `stream` end when
// what is in force would refuse them, or their token or task ends (gateway/open_streams.h).
//
// A route may be decided on the API's answer (gateway/on_response.h), or be public. What an API that is only
// observed would refuse passes, without a word on whom it is for.
//
// Thread-safe. Order of life: everything in ProxyParts outlives the server that uses the proxy, and the
// loops outlive the audit log, whose thread may still hand an outcome back to them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "enforce/enforcer.h"
#include "gateway/context_header.h"
#include "gateway/open_streams.h"
#include "gateway/resource_metadata.h"
#include "gateway/routes.h"
#include "http/client.h"
#include "http/loops.h"
#include "http/server.h"
#include "http/workers.h"
#include "token/key_ring.h"

namespace writ::gateway {

struct ProxyOptions {
  std::string issuer;  // of the context header
  // How callers reach the gateway: "https://api.acme.example". For DPoP proofs and X-Forwarded-Proto; empty:
  // sender-bound tokens are refused.
  std::string public_origin;
  // Of a body that is read before the decision; a longer one is answered 413. For an approval of the call it
  // is at most task::kMaxCallBodyBytes.
  std::size_t max_read_body_bytes = 1 << 20;
  // The operator's own, which have no rate as a source.
  http::Networks proxies = {};
  // Whose tokens an API takes, for RFC 9728's metadata. Empty: there is none. From any loop.
  IssuersOf issuers_of = {};
  // Of an answer that decides (gateway/on_response.h), which may have as many bytes.
  std::chrono::milliseconds answer_deadline{30'000};
  // Gets lines for the operator. From any loop.
  std::function<void(const std::string&)> tell = {};
};

struct ProxyParts {
  http::Loops& loops;
  http::Client& client;
  enforce::Enforcer& enforcer;
  const enforce::Current& current;  // with routes
  const token::KeyRing& keys;
  const enforce::Recheck& recheck;  // for what goes on after its decision
};

// For /metrics. Monotone.
struct ProxyStats {
  std::uint64_t forwarded;          // requests that an upstream answered
  std::uint64_t unrouted;           // 404 and 405
  std::uint64_t preflights;         // of pages of other origins, answered
  std::uint64_t malformed;          // 400: what two readers read in two ways, a credential in the query
  std::uint64_t upstream_failures;  // 502, 503, 504
  std::uint64_t broken_off;         // answers that could not be completed
  std::uint64_t fields_left_out;    // of callers, not on an API's list
  std::uint64_t over_rates;         // 429
  http::WorkerStats workers;        // for what is too long for a loop
  std::uint64_t streams_opened, streams_cut, streams_open;  // gateway/open_streams.h
};

class Proxy final : public http::Handler {
 public:
  // Requests that come go by the routes in force; those under way end by the ones before.
  Proxy(ProxyOptions options, ProxyParts parts);
  ~Proxy() override;

  void handle(http::Exchange exchange) override;

  // WebSockets and streams are told, and end; none begin. At once; before the server stops. Thread-safe.
  void stop_streams();

  ProxyStats stats() const noexcept;

 private:
  struct Forwarded;
  struct Core;

  std::shared_ptr<Core> core_;
};

}  // namespace writ::gateway
