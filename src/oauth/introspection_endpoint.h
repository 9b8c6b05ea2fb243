// POST /oauth2/introspect: an API asks what a token of Writ's says and whether it is still good (RFC 7662),
// and gets the answer signed where it asks for that (RFC 9701).
//
// For clients that the inventory lets ask (`introspects`), about tokens for the APIs that it names there. Any
// other token is `{"active": false}`, and so is one that is expired or revoked, whose task is over, or of
// which a party is stopped: nothing tells one from the other. What the token may be used for is not asked
// here; that is `/v1/check` or AuthZEN. Thread-safe. May be slow: serve it with workers.
#pragma once

#include <atomic>
#include <cstdint>

#include "enforce/in_force.h"
#include "http/request.h"
#include "http/response.h"
#include "oauth/client_authentication.h"
#include "oauth/token_endpoint.h"
#include "task/registry.h"
#include "token/key_ring.h"
#include "token/verifier.h"

namespace writ::oauth {

// All that is referred to must outlive the endpoint.
struct IntrospectionEndpointParts {
  const Clock& clock;
  const ClientAuthentication& clients;
  const token::Verifier& verifier;
  const task::Registry& tasks;
  const enforce::Current& current;
  control::Recorder record;
  const token::KeyRing& keys;  // that signed answers are signed with
  std::string issuer;
};

class IntrospectionEndpoint {
 public:
  explicit IntrospectionEndpoint(IntrospectionEndpointParts parts) : parts_(std::move(parts)) {}

  http::Response handle(const http::Request& request) const;

  // For /metrics; monotone.
  std::uint64_t active() const noexcept { return active_.load(std::memory_order_relaxed); }
  std::uint64_t inactive() const noexcept { return inactive_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  IntrospectionEndpointParts parts_;
  mutable std::atomic<std::uint64_t> active_{0}, inactive_{0}, refused_{0};
};

}  // namespace writ::oauth
