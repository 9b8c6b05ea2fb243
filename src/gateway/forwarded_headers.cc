#include "gateway/forwarded_headers.h"

#include <algorithm>
#include <array>
#include <string>

#include "gateway/refusal.h"

namespace writ::gateway {
namespace {

// The longest name in the tables fits; a longer field can still begin with a prefix.
constexpr std::size_t kFoldedBytes = 48;

// Who is calling, from where, or for what: said by Writ or by nobody. And what makes an upstream act on
// another method or path than the one that was decided on.
constexpr std::array<std::string_view, 33> kDroppedNames = {
    "api-key",
    "authorization",
    "client-cert",
    "client-cert-chain",
    "cf-connecting-ip",
    "cookie",
    "dpop",
    "fastly-client-ip",
    "forwarded",
    "from",
    "proxy",
    "remote-groups",
    "remote-user",
    "request-id",
    "true-client-ip",
    "via",
    "x-api-key",
    "x-client-cert",
    "x-client-dn",
    "x-client-id",
    "x-client-ip",
    "x-client-verify",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-groups",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
    "x-remote-user",
    "x-request-id",
    "x-rewrite-url",
    "x-user",
};
constexpr std::array<std::string_view, 17> kDroppedPrefixes = {
    "writ-",
    "x-writ-",
    "x-forwarded-",
    "x-auth-",
    "x-authenticated-",
    "x-user-",
    "x-ssl-",
    "x-amzn-oidc-",
    "x-tenant",
    "x-goog-authenticated-",
    "x-ms-client-principal",
    "x-envoy-",
    "x-consumer-",
    "x-original-",
    "x-webauth-",
    "cf-access-",
    "ssl-client-",
};
constexpr std::array<std::string_view, 10> kHopByHop = {
    "connection",          "content-length",   "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te",         "trailer",
    "transfer-encoding",   "upgrade",
};

// The name as CGI compares it: without case, and every sign but letters and digits the same. Cut off behind
// what any table needs.
class Folded {
 public:
  explicit Folded(std::string_view name) noexcept : size_(std::min(name.size(), kFoldedBytes)) {
    std::transform(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size_), bytes_.begin(), fold);
  }
  std::string_view text() const noexcept { return {bytes_.data(), size_}; }

 private:
  static char fold(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  }
  std::array<char, kFoldedBytes> bytes_;
  std::size_t size_;
};

template <class Table>
bool is_one_of(const Table& table, std::string_view name) noexcept {
  return std::ranges::find(table, name) != table.end();
}

}  // namespace

bool is_identity_header(std::string_view name) noexcept {
  const Folded folded(name);
  return is_one_of(kDroppedNames, folded.text()) ||
         std::ranges::any_of(kDroppedPrefixes,
                             [&](std::string_view prefix) { return folded.text().starts_with(prefix); });
}

bool is_hop_by_hop(std::string_view name) noexcept {
  return is_one_of(kHopByHop, Folded(name).text());
}

http::Headers upstream_headers(const http::Request& request, std::string_view proto) {
  const auto& received = request.headers;
  const bool names_fields = received.contains("Connection");
  http::Headers headers;
  for (std::size_t i = 0; i < received.size(); ++i) {
    const auto header = received[i];
    if (is_hop_by_hop(header.name) || is_identity_header(header.name)) continue;
    // Answered for by the connection to the upstream, or by the server before the decision.
    if (http::equal_ignoring_case(header.name, "host") || http::equal_ignoring_case(header.name, "expect"))
      continue;
    // RFC 9110 §7.6.1: what Connection lists goes no further.
    if (names_fields && received.has_token("Connection", header.name)) continue;
    headers.add(header.name, header.value);
  }
  headers.add("X-Forwarded-For", request.peer_ip);
  if (!request.host.empty()) headers.add("X-Forwarded-Host", request.host);
  headers.add("X-Forwarded-Proto", proto);
  return headers;
}

http::Headers answer_headers(const http::Headers& received, std::string_view request_id) {
  const bool names_fields = received.contains("Connection");
  http::Headers headers;
  for (std::size_t i = 0; i < received.size(); ++i) {
    const auto header = received[i];
    if (is_hop_by_hop(header.name) || http::equal_ignoring_case(header.name, kRequestIdHeader)) continue;
    if (names_fields && received.has_token("Connection", header.name)) continue;
    headers.add(header.name, header.value);
  }
  headers.add(kRequestIdHeader, request_id);
  return headers;
}

}  // namespace writ::gateway
