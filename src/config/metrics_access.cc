#include "config/metrics_access.h"

namespace writ::config {
namespace {

// RFC 6750 §2.1.
constexpr std::string_view kScheme = "Bearer ";

bool presents(const http::Request& request, const Secret& token) {
  if (request.headers.count("Authorization") != 1) return false;
  const auto given = *request.headers.find("Authorization");
  return given.size() > kScheme.size() &&
         http::equal_ignoring_case(given.substr(0, kScheme.size()), kScheme) &&
         token.equals(given.substr(kScheme.size()));
}

}  // namespace

std::optional<http::Response> MetricsAccess::refuse(const http::Request& request, Listener listener) const {
  if (token_ != nullptr) {
    if (presents(request, *token_)) return std::nullopt;
    auto response = http::error_response(401, "invalid_token",
                                         "metrics need the token of `metrics.token_file`, as a bearer token");
    response.headers.set("WWW-Authenticate", "Bearer realm=\"writ\"");
    return response;
  }
  if (listener == Listener::kOperator || is_local(request)) return std::nullopt;
  return http::error_response(403, "access_denied",
                              "metrics are for this machine only, unless `listen.operator` or "
                              "`metrics.token_file` is configured");
}

// What a proxy on this machine passes on comes from elsewhere.
bool MetricsAccess::is_local(const http::Request& request) const {
  const auto peer = http::Address::parse(request.peer_ip);
  if (!peer || !peer->is_loopback() || proxies_.contains(*peer)) return false;
  for (const auto* name : {"Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"}) {
    if (request.headers.contains(name)) return false;
  }
  return true;
}

}  // namespace writ::config
