#include "oauth/discovery.h"

#include <charconv>
#include <fmt/format.h>

#include "codec/ascii.h"
#include "codec/json.h"
#include "http/url.h"

namespace writ::oauth {
namespace {

constexpr std::string_view kOpenId = "/.well-known/openid-configuration";
constexpr std::string_view kOauth = "/.well-known/oauth-authorization-server";

// RFC 9111 §1.2.2: a number that is too large stands for a very large one.
std::optional<std::chrono::seconds> delta_seconds(std::string_view digits) {
  if (digits.size() >= 2 && digits.front() == '"' && digits.back() == '"')
    digits = digits.substr(1, digits.size() - 2);
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), seconds);
  if (error == std::errc::result_out_of_range || seconds > 1u << 31) seconds = 1u << 31;
  return std::chrono::seconds(seconds);
}

}  // namespace

std::vector<std::string> discovery_urls(std::string_view issuer) {
  // Both specifications: a final slash is taken off first.
  if (issuer.ends_with('/')) issuer.remove_suffix(1);
  const auto path = std::min(issuer.find('/', issuer.find("://") + 3), issuer.size());
  return {fmt::format("{}{}", issuer, kOpenId),
          fmt::format("{}{}{}", issuer.substr(0, path), kOauth, issuer.substr(path))};
}

Result<std::string> read_discovery(std::string_view document, std::string_view issuer) {
  const auto json = codec::parse_json(document);
  if (!json) return std::unexpected(Error(json.error()).in("the discovery document"));
  const auto* named = json->is_object() ? json->find_string("issuer") : nullptr;
  if (named == nullptr)
    return failure(ErrorCode::kInvalid, "the discovery document has no `issuer` that is a string");
  // RFC 8414 §3.3, OpenID Connect Discovery §4.3: identical, byte for byte.
  if (*named != issuer)
    return failure(ErrorCode::kInvalid,
                   fmt::format("the discovery document is of the issuer `{}`, not of `{}`",
                               named->substr(0, http::kMaxUrlBytes), issuer));
  const auto* keys = json->find_string("jwks_uri");
  if (keys == nullptr)
    return failure(ErrorCode::kInvalid, "the discovery document has no `jwks_uri` that is a string");
  if (auto url = http::parse_url(*keys); !url)
    return std::unexpected(std::move(url).error().in("`jwks_uri` of the discovery document"));
  return *keys;
}

std::optional<std::chrono::seconds> fresh_for(const http::Headers& headers) {
  if (headers.has_token("Cache-Control", "no-store") || headers.has_token("Cache-Control", "no-cache"))
    return std::chrono::seconds(0);
  std::optional<std::chrono::seconds> fresh;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (!http::equal_ignoring_case(headers[i].name, "Cache-Control")) continue;
    for (std::string_view rest = headers[i].value; !rest.empty();) {
      const auto comma = std::min(rest.find(','), rest.size());
      const auto directive = codec::trimmed(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      const auto equals = directive.find('=');
      if (equals == directive.npos || !http::equal_ignoring_case(directive.substr(0, equals), "max-age"))
        continue;
      const auto seconds = delta_seconds(directive.substr(equals + 1));
      if (seconds && (!fresh || *seconds < *fresh)) fresh = seconds;
    }
  }
  return fresh;
}

}  // namespace writ::oauth
