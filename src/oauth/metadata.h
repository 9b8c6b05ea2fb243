// The documents by which clients and APIs find Writ: authorization server metadata (RFC 8414) and its public
// keys.
//
// Pure; the caller serves them at /.well-known/oauth-authorization-server and at jwks_uri.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/response.h"
#include "token/key_ring.h"

namespace writ::oauth {

struct Locations {
  std::string issuer;
  std::string token_endpoint;
  std::string jwks_uri;
  std::string revocation_endpoint = {};                     // empty: not served
  std::string introspection_endpoint = {};                  // the same
  bool certificates = false;                                // clients may show one
  crypto::Algorithm algorithm = crypto::Algorithm::kEs256;  // that Writ signs with
};

// "/writ" of "https://acme.example/writ"; empty where there is none.
std::string_view path_of_issuer(std::string_view issuer);
http::Response metadata_response(const Locations& locations);
// `publish_ahead`: for how long a key is published before it signs. No copy is kept for longer, so that
// nobody misses it.
http::Response jwks_response(const token::KeyRing& ring, Duration publish_ahead);

}  // namespace writ::oauth
