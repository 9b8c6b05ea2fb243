#include "gateway/resource_metadata.h"

#include "codec/json.h"

namespace writ::gateway {
namespace {

using codec::Json;

Json texts(const std::vector<std::string>& items) {
  auto array = Json::array();
  for (const auto& item : items) array.push(item);
  return array;
}

// The API that is called so, or that a route of whatever method leads to. Empty: there is none.
std::string_view api_at(std::string_view url, std::string_view path, const Routes& routes,
                        const inventory::Snapshot& inventory) {
  if (const auto* api = inventory.find_audience(url)) return api->id;
  std::vector<std::string_view> values;
  auto match = routes.match("GET", path, values);
  if (match.route == nullptr && match.allow != nullptr)
    match = routes.match(std::string_view(*match.allow).substr(0, match.allow->find(',')), path, values);
  return match.route != nullptr ? std::string_view(match.route->api()) : std::string_view();
}

}  // namespace

std::string metadata_url(std::string_view public_origin, std::string_view encoded_path) {
  if (encoded_path.find_first_of("\"\\") != encoded_path.npos) return {};
  std::string url(public_origin);
  url += kResourceMetadata;
  if (encoded_path != "/") url += encoded_path;
  return url;
}

std::optional<http::Response> resource_metadata(const http::Request& request, std::string_view public_origin,
                                                const Routes& routes, const inventory::Snapshot& inventory,
                                                const IssuersOf& issuers_of) {
  const std::string_view path = request.path, encoded = request.encoded_path;
  if (public_origin.empty() || !issuers_of || (request.method != "GET" && request.method != "HEAD") ||
      !path.starts_with(kResourceMetadata) || !encoded.starts_with(kResourceMetadata))
    return std::nullopt;
  const auto rest = path.substr(kResourceMetadata.size());
  if (!rest.empty() && !rest.starts_with('/')) return std::nullopt;
  std::string resource(public_origin);
  resource += encoded.substr(kResourceMetadata.size());
  const auto api = api_at(resource, rest.empty() ? "/" : rest, routes, inventory);
  if (api.empty()) return std::nullopt;
  // RFC 9728 §2.
  const auto json = Json::object({{"resource", resource},
                                  {"authorization_servers", texts(issuers_of(api))},
                                  {"bearer_methods_supported", texts({"header"})},
                                  {"dpop_signing_alg_values_supported", texts({"ES256", "EdDSA"})}});
  auto response = http::json_response(200, json.dump());
  response.headers.set("Cache-Control", "public, max-age=60");
  // It is there for everybody, pages too.
  response.headers.set("Access-Control-Allow-Origin", "*");
  return response;
}

}  // namespace writ::gateway
