// Discovery: where a provider's keys are, as it says itself (OpenID Connect Discovery 1.0 §4, RFC 8414 §3),
// and for how long its answer is fresh (RFC 9111 §5.2.2.1). Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/headers.h"

namespace writ::oauth {

// Where its document may be, in the order in which to look: OpenID Connect puts the well-known part behind
// the issuer, RFC 8414 §3.1 between the host and its path. The issuer is a URL (http/url.h).
std::vector<std::string> discovery_urls(std::string_view issuer);

// The `jwks_uri` of a document. Refuses one that names another issuer than exactly this one (RFC 8414 §3.3).
Result<std::string> read_discovery(std::string_view document, std::string_view issuer);

// `max-age` of `Cache-Control`; zero for `no-store` and `no-cache`. Nothing when there is no such field, or
// it cannot be read.
std::optional<std::chrono::seconds> fresh_for(const http::Headers& headers);

}  // namespace writ::oauth
