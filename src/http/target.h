// The one place where a request target is decoded and normalised (RFC 3986 §6.2, RFC 9112 §3.2).
//
// What Writ decides on and what an upstream serves must be the same thing. So whatever two readers could take
// differently is refused, not repaired: dot segments, empty segments, encoded slashes, backslashes and NULs,
// path parameters (`;`), double encoding, bytes that are not UTF-8. The upstream gets encode_path(path),
// never the received bytes. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::http {

struct Target {
  std::string path;   // decoded: begins with `/`; no segment contains `/`, `\`, NUL or `;`
  std::string query;  // as received, without the `?`
  std::string host;   // of an absolute-form target, lower case; empty for origin-form
};

// Accepts origin-form and http(s) absolute-form. Fails with kInvalid.
Result<Target> parse_target(std::string_view target);

// The same without allocations of its own, for the server's hot path: assigns to path, query and host.
Result<void> parse_target_into(std::string_view target, std::string& path, std::string& query,
                               std::string& host);

// The canonical encoding: unreserved characters and `:@!$&'()*+,=` stay, every other byte becomes %XX.
void append_encoded_path(std::string& out, std::string_view path);
std::string encode_path(std::string_view path);

// Decodes one query parameter (`+` is a plus sign, as in RFC 3986). Nothing when it is absent or given twice.
enum class QueryState { kAbsent, kOne, kMany };
struct QueryValue {
  QueryState state;
  std::string value;
};
QueryValue query_parameter(std::string_view query, std::string_view name);

// RFC 9112 §3.2: uri-host [ ":" port ], with a non-empty host.
bool is_valid_host(std::string_view host) noexcept;

}  // namespace writ::http
