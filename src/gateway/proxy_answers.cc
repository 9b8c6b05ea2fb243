#include "gateway/proxy_answers.h"

#include <fmt/format.h>
#include <vector>

#include "base/notice.h"
#include "gateway/refusal.h"
#include "gateway/resource_metadata.h"
#include "gateway/routes.h"

namespace writ::gateway {
namespace {

struct Trouble {
  int status;
  std::string_view code;
  std::string_view message;
};

Trouble trouble_of(http::CallError::Kind kind) noexcept {
  switch (kind) {
    case http::CallError::Kind::kUnreachable:
      return {502, "upstream_unreachable", "the API behind this gateway can't be reached"};
    case http::CallError::Kind::kTimeout:
      return {504, "upstream_timeout", "the API behind this gateway did not answer in time"};
    case http::CallError::Kind::kMalformed:
      return {502, "upstream_malformed", "the API behind this gateway sent an answer that is not valid HTTP"};
    case http::CallError::Kind::kOverloaded:
      return {503, "overloaded", "too many requests to the API behind this gateway are under way"};
    case http::CallError::Kind::kBroken:
      break;
  }
  return {502, "upstream_broken", "the API behind this gateway broke off its answer"};
}

}  // namespace

http::Response trouble_answer(http::CallError::Kind kind, std::string_view request_id) {
  const auto trouble = trouble_of(kind);
  return error_answer(trouble.status, trouble.code, trouble.message, request_id);
}

void say_trouble(const http::CallError& error) {
  if (error.kind != http::CallError::Kind::kTimeout) return;
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(
        fmt::format("an API took longer than `limits.upstream_timeout_seconds`, or the `timeouts` of its "
                    "route: {} ({} times, of "
                    "all APIs)",
                    error.message, *times));
}

http::Response unrouted_answer(const std::string* allow) {
  const auto id = enforce::RequestId::next();
  if (allow == nullptr) return error_answer(404, "not_found", "no route leads to this path", id);
  auto response = error_answer(405, "method_not_allowed", "no route takes this method here", id);
  response.headers.set("Allow", *allow);
  return response;
}

http::Response with_metadata(http::Response response, std::string_view public_origin,
                             std::string_view encoded_path) {
  if (response.status != 401 || public_origin.empty()) return response;
  const auto url = metadata_url(public_origin, encoded_path);
  const auto challenge = response.headers.find("WWW-Authenticate");
  if (challenge && !url.empty())
    response.headers.set("WWW-Authenticate", fmt::format("{}, resource_metadata=\"{}\"", *challenge, url));
  return response;
}

std::optional<http::Response> preflight_answer(const enforce::InForce& now, const http::Request& request) {
  if (!Cors::is_preflight(request)) return std::nullopt;
  std::vector<std::string_view> values;
  const auto method = *request.headers.find("Access-Control-Request-Method");
  const auto [route, allow] = now.routes->match(method, request, values);
  if (route == nullptr || route->cors() == nullptr) return std::nullopt;
  return route->cors()->preflight(request, *allow, route->forwarded());
}

std::optional<http::Response> slash_redirect(const Routes& routes, const Routes::Match& match,
                                             const http::Request& request) {
  if (match.allow != nullptr || request.path == "/") return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  auto other = request;
  for (auto* path : {&other.path, &other.encoded_path})
    path->ends_with('/') ? path->pop_back() : path->push_back('/');
  // `//host` would be another server.
  if (other.encoded_path.starts_with("//")) return std::nullopt;
  std::vector<std::string_view> values;
  const auto* route = routes.match(other, values).route;
  if (route == nullptr || !route->redirects_slash()) return std::nullopt;
  auto location = other.encoded_path;
  if (!request.query.empty()) location.append("?").append(request.query);
  http::Response response{.status = 308, .headers = {}, .body = {}};
  response.headers.add("Location", location);
  response.headers.add(kRequestIdHeader, enforce::RequestId::next());
  return response;
}

}  // namespace writ::gateway
