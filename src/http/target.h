// The one place where a request target is decoded and normalised (RFC 3986 §6.2, RFC 9112 §3.2).
//
// What Writ decides on and what an upstream serves must be the same thing. So whatever two readers could take
// differently is refused, not repaired: dot segments, empty segments, encoded slashes, backslashes and NULs,
// path parameters (`;`), double encoding, bytes that are not UTF-8. Decided on is the decoded path; the
// upstream gets the encoded one, in which the reserved characters stand as they were sent: `%2B` and `+` are
// two things to it (RFC 3986 §2.2). Pure and thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::http {

inline constexpr std::size_t kMaxMethodBytes = 32;

struct Target {
  std::string path;  // decoded: begins with `/`; no segment contains `/`, `\`, NUL or `;`
  // As received, after RFC 3986 §6.2.2: hexadecimal digits in capitals, unreserved characters decoded. It
  // decodes to `path`.
  std::string encoded_path;
  std::string query;  // as received, without the `?`
  std::string host;   // of an absolute-form target, lower case; empty for origin-form
};

// Accepts origin-form and http(s) absolute-form. Fails with kInvalid.
Result<Target> parse_target(std::string_view target);

// The same without allocations of its own, for the server's hot path: assigns to all of a Target's members.
Result<void> parse_target_into(std::string_view target, std::string& path, std::string& encoded_path,
                               std::string& query, std::string& host);

// RFC 3986 §6.2.2.1, §6.2.2.2: escapes in capitals, and none of an unreserved character. False, with nothing
// of use appended, when a `%` begins no escape: that is no URI.
bool append_normal_escapes(std::string& out, std::string_view uri);

// The canonical encoding, of what Writ itself asks for: unreserved characters and `:@!$&'()*+,=` stay, every
// other byte becomes %XX.
void append_encoded_path(std::string& out, std::string_view path);
std::string encode_path(std::string_view path);

// Hands the decoded name of each parameter, in order, to `visit`, until it says false; then so does this.
bool for_each_parameter(std::string_view query, const std::function<bool(std::string_view name)>& visit);

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
