#include "gateway/cors.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"
#include "codec/ascii.h"

namespace writ::gateway {
namespace {

// What Writ itself answers with, and pages want to read: why a request was refused, and when to try again.
constexpr std::string_view kExposed = "WWW-Authenticate, Retry-After, X-Request-Id";
constexpr std::string_view kOwned[] = {
    "Access-Control-Allow-Origin",         "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",       "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",        "Access-Control-Max-Age",
    "Access-Control-Allow-Private-Network"};

std::unexpected<Error> not_an_origin(std::string_view origin, std::string_view why) {
  return failure(ErrorCode::kInvalid, fmt::format("`{}` is not an origin: {}", origin, why));
}

bool is_lower_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// RFC 6454 §6.2: what a browser writes into Origin. One that it never writes would match no request, and
// nobody would know why.
Result<void> check_origin(std::string_view origin) {
  if (origin == "null")
    return not_an_origin(origin, "sandboxed pages and local files of anybody have it, so it names nobody");
  const auto colon = origin.find("://");
  if (colon == std::string_view::npos || colon == 0)
    return not_an_origin(origin, "write it as browsers do, for example `https://shop.example`");
  const auto scheme = origin.substr(0, colon);
  const auto authority = origin.substr(colon + 3);
  const bool is_scheme = std::ranges::all_of(
      scheme, [](char c) { return is_lower_or_digit(c) || c == '+' || c == '-' || c == '.'; });
  if (!is_scheme) return not_an_origin(origin, "its scheme has only small letters, digits, `+`, `-` and `.`");
  if (authority.find_first_of("/?#@") != std::string_view::npos)
    return not_an_origin(origin, "it ends behind the host or the port: no path, no `/` at its end");
  if (authority.find('*') != std::string_view::npos)
    return not_an_origin(origin, "`*` stands only alone; name each host");
  const auto bracket = authority.rfind(']');
  const auto port_at = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = authority.substr(0, port_at);
  const bool is_host = !host.empty() && std::ranges::all_of(host, [](char c) {
    return is_lower_or_digit(c) || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' || c == ']';
  });
  if (!is_host)
    return not_an_origin(origin, "its host is written in small letters, other alphabets as `xn--…`");
  if (port_at == std::string_view::npos) return {};
  const auto port = authority.substr(port_at + 1);
  const bool is_port = !port.empty() && port.size() <= 5 && port.front() != '0' &&
                       std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_port) return not_an_origin(origin, "its port is a number");
  if ((scheme == "https" && port == "443") || (scheme == "http" && port == "80"))
    return not_an_origin(origin,
                         fmt::format("browsers leave the usual port out; write `{}://{}`", scheme, host));
  return {};
}

// A page may send what the API gets, and what Writ reads.
bool may_be_sent(std::string_view name, const ForwardedHeaders& forwarded) noexcept {
  using http::equal_ignoring_case;
  return forwarded.fate(name) == ForwardedHeaders::Fate::kForwarded ||
         equal_ignoring_case(name, "authorization") || equal_ignoring_case(name, "dpop") ||
         equal_ignoring_case(name, "writ-approval");
}

}  // namespace

Cors::Cors(CorsSpec spec) : spec_(std::move(spec)), exposed_(kExposed) {
  any_ = spec_.origins.front() == "*";
  for (const auto& name : spec_.expose) exposed_ += ", " + name;
}

Result<Cors> Cors::with(CorsSpec spec) {
  if (spec.origins.empty())
    return failure(ErrorCode::kInvalid,
                   "`cors` without `origins` allows no page; name them, or leave it out");
  if (spec.origins.size() > kMaxCorsNames || spec.expose.size() > kMaxCorsNames)
    return failure(ErrorCode::kLimit, fmt::format("there are more than {} names", kMaxCorsNames));
  const bool any = std::ranges::find(spec.origins, "*") != spec.origins.end();
  if (any && spec.origins.size() > 1)
    return failure(ErrorCode::kInvalid, "`*` is every origin, so no other stands beside it");
  if (any && spec.credentials)
    return failure(
        ErrorCode::kInvalid,
        "every page of the web could call with a user's cookies: `credentials` needs `origins` that are "
        "named, not `*`");
  if (!any) {
    for (const auto& origin : spec.origins) TRY(check_origin(origin));
  }
  for (const auto& name : spec.expose) {
    if (!http::is_token(name) || name == "*")
      return failure(ErrorCode::kInvalid, fmt::format("`{}` is not the name of a header field", name));
  }
  return Cors(std::move(spec));
}

bool Cors::is_preflight(const http::Request& request) noexcept {
  return request.method == "OPTIONS" && request.headers.contains("Origin") &&
         request.headers.contains("Access-Control-Request-Method");
}

bool Cors::allows(std::string_view origin) const noexcept {
  return any_ || std::ranges::find(spec_.origins, origin) != spec_.origins.end();
}

void Cors::allow(http::Headers& answer, const http::Headers& request) const {
  const auto origin = request.find("Origin");
  if (any_) {
    answer.add("Access-Control-Allow-Origin", "*");
    return;
  }
  // Caches must not give one page's answer to another.
  answer.add("Vary", "Origin");
  if (!origin || request.count("Origin") > 1 || !allows(*origin)) return;
  answer.add("Access-Control-Allow-Origin", *origin);
  if (spec_.credentials) answer.add("Access-Control-Allow-Credentials", "true");
}

http::Response Cors::preflight(const http::Request& request, std::string_view methods,
                               const ForwardedHeaders& forwarded) const {
  http::Response answer{.status = 204, .headers = {}, .body = {}};
  answer.headers.add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers");
  allow(answer.headers, request.headers);
  if (!answer.headers.contains("Access-Control-Allow-Origin")) return answer;
  answer.headers.add("Access-Control-Allow-Methods", methods);
  std::vector<std::string_view> fields;
  auto asked = request.headers.find("Access-Control-Request-Headers").value_or("");
  while (!asked.empty()) {
    const auto name = codec::trimmed(asked.substr(0, asked.find(',')));
    asked.remove_prefix(std::min(asked.find(','), asked.size() - 1) + 1);
    if (http::is_token(name) && may_be_sent(name, forwarded)) fields.push_back(name);
  }
  if (!fields.empty())
    answer.headers.add("Access-Control-Allow-Headers", fmt::format("{}", fmt::join(fields, ", ")));
  answer.headers.add("Access-Control-Max-Age", fmt::to_string(spec_.max_age_seconds));
  return answer;
}

void Cors::mark(http::Headers& answer, const http::Headers& request) const {
  for (const auto name : kOwned) answer.remove(name);
  allow(answer, request);
  if (answer.contains("Access-Control-Allow-Origin")) answer.add("Access-Control-Expose-Headers", exposed_);
}

}  // namespace writ::gateway
