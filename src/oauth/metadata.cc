#include "oauth/metadata.h"

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

http::Response cacheable(std::string body) {
  auto response = http::json_response(200, std::move(body));
  // Short, so that a rotated key is soon known everywhere.
  response.headers.set("Cache-Control", "public, max-age=60");
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
      {"token_endpoint_auth_methods_supported", texts({"private_key_jwt", "client_secret_basic"})},
      {"token_endpoint_auth_signing_alg_values_supported",
       texts({"ES256", "EdDSA", "Ed25519", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384",
              "PS512"})},
      {"dpop_signing_alg_values_supported", texts({"ES256", "EdDSA"})},
      // RFC 9396 §10.
      {"authorization_details_types_supported", texts({kTaskDetails})},
  });
  if (!locations.revocation_endpoint.empty()) {
    json.set("revocation_endpoint", locations.revocation_endpoint);
    for (const auto* member : {"auth_methods_supported", "auth_signing_alg_values_supported"}) {
      json.set("revocation_endpoint_" + std::string(member),
               *json.find("token_endpoint_" + std::string(member)));
    }
  }
  return cacheable(json.dump());
}

http::Response jwks_response(const token::KeyRing& ring) {
  return cacheable(ring.snapshot()->public_keys.to_json().dump());
}

}  // namespace writ::oauth
