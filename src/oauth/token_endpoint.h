// POST /oauth2/token: the enforcement point that issues (RFC 6749, RFC 8693, RFC 8707, RFC 9449 §5).
//
// The way of a token request: form → client → origin (whom the token is for, through whom) → claims, never
// wider than what was presented → decision → audit record → token. Issuing is a decision like any other:
// every party is asked for Writ::Action::"issue" on Writ::Api::"<id>", and guards and policies both have to
// agree; where an agent takes work over from another, every party is asked for Writ::Action::"delegate" on it
// too. The records are written before the token leaves; where they cannot be written, nothing is issued.
//
// A token for an agent may be issued without a task when policy permits: it says who the agent works for and
// is good for nothing at an API, where the guard `task_missing` refuses it, until it is exchanged for one
// within a task. A task that is given must be live and name the parties.
//
// A request with `authorization_details` of type `writ_task` opens the task first, as its caller could at
// Writ's own API (oauth/task_details.h). While the task waits for approval the answer is
// `authorization_pending`; a task for which no token is issued ends at once.
//
// Thread-safe. May be slow (client secrets, the audit's disk): serve it with workers.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "control/tasks.h"
#include "enforce/in_force.h"
#include "http/request.h"
#include "http/response.h"
#include "oauth/client_authentication.h"
#include "oauth/trusted_issuers.h"
#include "task/registry.h"
#include "token/minter.h"
#include "token/verifier.h"

namespace writ::oauth {

struct TokenEndpointOptions {
  std::string issuer;
  std::string token_endpoint;  // its full URL: what DPoP proofs are made for
  Duration token_lifetime = std::chrono::minutes(5);
  std::string own_audience = {};  // of Writ's own API, where tasks are opened
  // RFC 8705 §3: tokens of clients that authenticate by a certificate are bound to it. For where the gateway
  // asks for certificates; where it does not, nobody could use them.
  bool bind_certificates = false;
};

// What the endpoint works with. All that is referred to must outlive it.
struct TokenEndpointParts {
  const Clock& clock;
  const ClientAuthentication& clients;
  const task::Registry& tasks;
  const TrustedIssuers& trusted_issuers;
  const token::Verifier& verifier;
  const token::Minter& minter;
  token::ReplayGuard& replays;
  const enforce::Current& current;
  control::Recorder record;
  const control::Tasks* opening = nullptr;  // null: `authorization_details` are refused
};

// One token request on its way, in the steps that different workers take: who asks may cost a password hash,
// and waits with other strangers; what is issued is for clients that are known by then. Not thread-safe.
class TokenCall {
 public:
  virtual ~TokenCall() = default;
  // Before all else. True: the client shows a token of a platform whose keys are being fetched; `then` was
  // taken, as below. False: go on.
  virtual bool wait_for_client_keys(std::move_only_function<void()>& then) = 0;
  // The answer, when the client is refused.
  virtual std::optional<http::Response> authenticate() = 0;
  // After authenticate() refused nothing. True: what was presented is signed with a key of a provider that is
  // being fetched; `then` was taken, and is called when that is over, on another thread. False: go on.
  virtual bool wait_for_keys(std::move_only_function<void()>& then) = 0;
  // After that.
  virtual http::Response issue() = 0;
};

class TokenEndpoint {
 public:
  TokenEndpoint(TokenEndpointOptions options, TokenEndpointParts parts)
      : options_(std::move(options)), parts_(std::move(parts)) {}

  // All steps at once.
  http::Response handle(const http::Request& request) const;

  // Or an answer, to what is no token request. The request has to outlive the call.
  std::expected<std::unique_ptr<TokenCall>, http::Response> begin(const http::Request& request) const;

 private:
  TokenEndpointOptions options_;
  TokenEndpointParts parts_;
};

}  // namespace writ::oauth
