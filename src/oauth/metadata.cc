#include "oauth/metadata.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/json.h"
#include "oauth/grants.h"
#include "oauth/task_details.h"

namespace writ::oauth {
namespace {

codec::Json texts(std::initializer_list<std::string_view> items) {
  auto array = codec::Json::array();
  for (const auto item : items) array.push(item);
  return array;
}

// RFC 8705 §2.1.1 and §2.2.1: where a listener asks for certificates.
codec::Json auth_methods(const Locations& locations) {
  if (!locations.certificates) return texts({"private_key_jwt", "client_secret_basic", "client_secret_post"});
  return texts({"private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth",
                "self_signed_tls_client_auth"});
}

// One at which clients authenticate as at the token endpoint.
void add_endpoint(const std::string& name, const std::string& url, codec::Json& json) {
  if (url.empty()) return;
  json.set(name, url);
  for (const auto* member : {"_auth_methods_supported", "_auth_signing_alg_values_supported"})
    json.set(name + member, *json.find("token_endpoint" + std::string(member)));
}

// Short, so that what changes is soon known everywhere.
constexpr std::chrono::seconds kMaxAge{60};

http::Response cacheable(std::string body, std::chrono::seconds max_age = kMaxAge) {
  auto response = http::json_response(200, std::move(body));
  response.headers.set("Cache-Control", fmt::format("public, max-age={}", max_age.count()));
  return response;
}

}  // namespace

std::string_view path_of_issuer(std::string_view issuer) {
  const auto slash = issuer.find('/', issuer.find("://") + 3);
  return slash != issuer.npos ? issuer.substr(slash) : std::string_view();
}

// RFC 8414 §2. There is no authorization endpoint, so no response types.
http::Response metadata_response(const Locations& locations) {
  auto json = codec::Json::object({
      {"issuer", locations.issuer},
      {"token_endpoint", locations.token_endpoint},
      {"jwks_uri", locations.jwks_uri},
      {"response_types_supported", codec::Json::array()},
      {"grant_types_supported", texts({kGrantClientCredentials, kGrantTokenExchange})},
      {"token_endpoint_auth_methods_supported", auth_methods(locations)},
      {"token_endpoint_auth_signing_alg_values_supported",
       texts({"ES256", "EdDSA", "Ed25519", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384",
              "PS512"})},
      {"dpop_signing_alg_values_supported", texts({"ES256", "EdDSA"})},
      // RFC 9396 §10.
      {"authorization_details_types_supported", texts({kTaskDetails})},
  });
  // RFC 8705 §3.3.
  if (locations.certificates) json.set("tls_client_certificate_bound_access_tokens", true);
  add_endpoint("revocation_endpoint", locations.revocation_endpoint, json);
  add_endpoint("introspection_endpoint", locations.introspection_endpoint, json);
  // RFC 9701 §7.
  if (!locations.introspection_endpoint.empty())
    json.set("introspection_signing_alg_values_supported",
             texts({crypto::algorithm_name(locations.algorithm)}));
  return cacheable(json.dump());
}

http::Response jwks_response(const token::KeyRing& ring, Duration publish_ahead) {
  return cacheable(ring.snapshot()->public_keys.to_json().dump(),
                   std::min(kMaxAge, std::chrono::floor<std::chrono::seconds>(publish_ahead)));
}

}  // namespace writ::oauth
