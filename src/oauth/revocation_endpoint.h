// POST /oauth2/revoke: a client takes back an access token of its own (RFC 7009).
//
// In force for the next verification when the answer is given, and durable where the Revocations are.
// Thread-safe. May be slow: serve it with workers.
#pragma once

#include "http/request.h"
#include "http/response.h"
#include "oauth/client_authentication.h"
#include "oauth/token_endpoint.h"
#include "token/revocation.h"
#include "token/verifier.h"

namespace writ::oauth {

// All that is referred to must outlive the endpoint.
struct RevocationEndpointParts {
  const Clock& clock;
  const ClientAuthentication& clients;
  const token::Verifier& verifier;
  token::Revocations& revocations;
  control::Recorder record;
};

class RevocationEndpoint {
 public:
  explicit RevocationEndpoint(RevocationEndpointParts parts) : parts_(std::move(parts)) {}

  http::Response handle(const http::Request& request) const;

 private:
  RevocationEndpointParts parts_;
};

}  // namespace writ::oauth
