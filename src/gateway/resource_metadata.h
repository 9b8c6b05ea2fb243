// Protected resource metadata (RFC 9728): which authorization servers a caller gets a token for an API from.
//
// Each URL that a route leads to is a resource; its document is at the well-known place in front of its path,
// and names exactly that URL, as RFC 9728 §3.3 wants what a client asked for to be named. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/routes.h"
#include "http/request.h"
#include "http/response.h"
#include "inventory/snapshot.h"

namespace writ::gateway {

inline constexpr std::string_view kResourceMetadata = "/.well-known/oauth-protected-resource";

// The issuers whose tokens an API takes, Writ's own last.
using IssuersOf = std::function<std::vector<std::string>(std::string_view api)>;

// Where the document of what was asked for is. Empty: it cannot be written into a header field.
std::string metadata_url(std::string_view public_origin, std::string_view encoded_path);

// The document that the request asks for. Nothing: it asks for none, or no route leads to what it names.
std::optional<http::Response> resource_metadata(const http::Request& request, std::string_view public_origin,
                                                const Routes& routes, const inventory::Snapshot& inventory,
                                                const IssuersOf& issuers_of);

}  // namespace writ::gateway
