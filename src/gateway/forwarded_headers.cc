#include "gateway/forwarded_headers.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/check.h"
#include "codec/ascii.h"
#include "gateway/left_out.h"
#include "gateway/refusal.h"

namespace writ::gateway {
namespace {

using Fate = ForwardedHeaders::Fate;

struct Standard {
  std::string_view name;
  Fate fate;
  bool once = false;
  bool incidental = false;
};

// RFC 9110 §8 (representations), §12 (negotiation), §13 (conditions), §14 (ranges), RFC 9530 (digests),
// RFC 7240 (Prefer), RFC 6454 (Origin), RFC 9111 §5.2.1 (what a caller asks of caches, an upstream's own
// too), W3C Trace Context, Idempotency-Key, and gRPC's own.
constexpr Standard kStandard[] = {
    {"content-type", Fate::kForwarded, true},
    {"content-encoding", Fate::kForwarded},
    {"content-language", Fate::kForwarded},
    {"content-location", Fate::kForwarded, true},
    {"content-range", Fate::kForwarded, true},
    {"content-digest", Fate::kForwarded},
    {"repr-digest", Fate::kForwarded},
    {"digest", Fate::kForwarded},
    {"content-md5", Fate::kForwarded, true},
    {"if-match", Fate::kForwarded},
    {"if-none-match", Fate::kForwarded},
    {"if-modified-since", Fate::kForwarded, true},
    {"if-unmodified-since", Fate::kForwarded, true},
    {"if-range", Fate::kForwarded, true},
    {"range", Fate::kForwarded, true},
    {"prefer", Fate::kForwarded},
    {"idempotency-key", Fate::kForwarded, true},
    {"origin", Fate::kForwarded, true},
    {"accept", Fate::kForwarded, false, true},
    {"accept-charset", Fate::kForwarded, false, true},
    {"accept-encoding", Fate::kForwarded, false, true},
    {"accept-language", Fate::kForwarded, false, true},
    {"want-content-digest", Fate::kForwarded, false, true},
    {"want-repr-digest", Fate::kForwarded, false, true},
    {"cache-control", Fate::kForwarded, false, true},
    {"pragma", Fate::kForwarded, false, true},
    {"user-agent", Fate::kForwarded, false, true},
    {"traceparent", Fate::kForwarded, false, true},
    {"tracestate", Fate::kForwarded, false, true},
    {"grpc-encoding", Fate::kForwarded, true},
    {"grpc-timeout", Fate::kForwarded, true, true},
    {"grpc-accept-encoding", Fate::kForwarded, true, true},
    // Read by Writ, or answered for by it.
    {"authorization", Fate::kOfWrit},
    {"dpop", Fate::kOfWrit},
    {"expect", Fate::kOfWrit},
    {"host", Fate::kOfWrit},
    {"writ-approval", Fate::kOfWrit},
    {"writ-task", Fate::kOfWrit},
    {"content-length", Fate::kOfWrit},
    // Of the connection.
    {"connection", Fate::kOfHop},
    {"http2-settings", Fate::kOfHop},
    {"keep-alive", Fate::kOfHop},
    {"proxy-authenticate", Fate::kOfHop},
    {"proxy-authorization", Fate::kOfHop},
    {"proxy-connection", Fate::kOfHop},
    {"te", Fate::kOfHop},
    {"trailer", Fate::kOfHop},
    {"transfer-encoding", Fate::kOfHop},
    {"upgrade", Fate::kOfHop},
};

// Which no API can have from a caller, whatever it asks for. Who calls, from where and for what is said by
// Writ or by nobody; a credential beside the token would be a second opinion of it; and an upstream serves
// the method and the path that were decided on.
constexpr std::string_view kNeverNames[] = {
    "access-token",
    "api-key",
    "client-cert",
    "client-cert-chain",
    "cf-connecting-ip",
    "early-data",
    "fastly-client-ip",
    "forwarded",
    "from",
    "private-token",
    "proxy",
    "remote-groups",
    "remote-user",
    "request-id",
    "true-client-ip",
    "via",
    "x-access-token",
    "x-api-key",
    "x-authorization",
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
    "x-request-id",
    "x-rewrite-url",
};
constexpr std::string_view kNeverPrefixes[] = {
    "writ-",
    "x-writ-",
    "proxy-",
    "x-forwarded-",
    "x-auth-",
    "x-authenticated-",
    "x-user",
    "x-ssl-",
    "x-amzn-oidc-",
    "x-tenant",
    "x-goog-authenticated-",
    "x-goog-iap-",
    "x-hasura-",
    "x-ms-client-principal",
    "x-envoy-",
    "x-consumer-",
    "x-original-",
    "x-remote-",
    "x-webauth-",
    "cf-access-",
    "impersonate-",
    "x-act-as",
    "x-impersonate-",
    "x-on-behalf-of",
    "ssl-client-",
};

// Nobody can list all of them: what the last words of a name say that it is, whoever's it is.
constexpr std::string_view kNeverEnds[] = {
    "access-key", "api-key", "apikey",   "credential",       "credentials", "functions-key", "impersonate",
    "jwt",        "orgid",   "password", "principal",        "role",        "roles",         "secret",
    "sudo",       "token",   "user",     "subscription-key", "userid",      "username",
};
// A token of these belongs to a page or a list, and not to the caller.
constexpr std::string_view kOtherTokens[] = {"csrf-token", "xsrf-token", "continuation-token", "next-token",
                                             "page-token"};

bool ends_with_words(std::string_view name, std::string_view words) noexcept {
  if (!name.ends_with(words)) return false;
  return name.size() == words.size() || name[name.size() - words.size() - 1] == '-';
}

// Size and three letters tell the names of a list well apart. `| 0x20` is the same for both cases.
std::size_t name_hash(std::string_view name) noexcept {
  const auto letter = [&](std::size_t at) { return static_cast<unsigned char>(name[at]) | 0x20u; };
  if (name.empty()) return 0;
  return name.size() * 67 + letter(0) * 31 + letter(name.size() / 2) * 13 + letter(name.size() - 1) * 7;
}

// Letters, digits and `-`: any other sign is one that some server reads as `-`.
bool is_plain(std::string_view name) noexcept {
  return std::ranges::all_of(name, [](char c) {
    return (codec::lowered(c) >= 'a' && codec::lowered(c) <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// Of a name in lower case. Empty: an API may have it.
std::string_view why_never(std::string_view name) noexcept {
  for (const auto& standard : kStandard) {
    if (standard.name != name) continue;
    if (standard.fate == Fate::kOfWrit) return "Writ answers for it";
    if (standard.fate == Fate::kOfHop) return "it is of the connection (RFC 9110 §7.6.1)";
  }
  // It says which library speaks gRPC-Web, not who calls.
  if (name == "x-user-agent") return {};
  const auto ends_with_one = [&](const auto& table) {
    return std::ranges::any_of(table, [&](auto words) { return ends_with_words(name, words); });
  };
  const bool never =
      std::ranges::find(kNeverNames, name) != std::end(kNeverNames) ||
      std::ranges::any_of(kNeverPrefixes, [&](auto prefix) { return name.starts_with(prefix); }) ||
      (ends_with_one(kNeverEnds) && !ends_with_one(kOtherTokens));
  return never ? "only Writ tells an API who calls, with which credential, and what is asked for"
               : std::string_view();
}

}  // namespace

ForwardedHeaders::ForwardedHeaders() {
  for (const auto& [name, fate, once, incidental] : kStandard)
    add({std::string(name), fate, once, incidental});
}

void ForwardedHeaders::add(Field field) {
  if (find(field.name) != nullptr) return;
  auto slot = name_hash(field.name) % kSlots;
  while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
  fields_.push_back(std::move(field));
  WRIT_CHECK(fields_.size() < 256);
  slots_[slot] = static_cast<std::uint8_t>(fields_.size());
}

Result<ForwardedHeaders> ForwardedHeaders::with(const std::vector<std::string>& names) {
  if (names.size() > kMaxForwardedNames)
    return failure(ErrorCode::kLimit, fmt::format("there are more than {} names", kMaxForwardedNames));
  ForwardedHeaders made;
  for (const auto& name : names) {
    if (name.empty() || name.size() > 64 || !is_plain(name))
      return failure(
          ErrorCode::kInvalid,
          fmt::format("`{}` cannot be forwarded: a name has 1 to 64 letters, digits and `-`, since servers "
                      "read other signs as `-`",
                      name));
    auto folded = codec::lowered(name);
    if (const auto why = why_never(folded); !why.empty())
      return failure(ErrorCode::kInvalid, fmt::format("`{}` cannot be forwarded: {}", name, why));
    // RFC 6265 §5.4: one Cookie field. Baggage is of a trace.
    const bool once = folded == "cookie", incidental = folded == "baggage";
    made.add({std::move(folded), Fate::kForwarded, once, incidental});
  }
  return made;
}

const std::shared_ptr<const ForwardedHeaders>& ForwardedHeaders::standard() {
  static const std::shared_ptr<const ForwardedHeaders> standard(new ForwardedHeaders());
  return standard;
}

const ForwardedHeaders::Field* ForwardedHeaders::find(std::string_view name) const noexcept {
  for (auto slot = name_hash(name) % kSlots; slots_[slot] != 0; slot = (slot + 1) % kSlots) {
    const Field& field = fields_[slots_[slot] - 1u];
    if (http::equal_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

Fate ForwardedHeaders::fate(std::string_view name) const noexcept {
  const auto* field = find(name);
  return field != nullptr ? field->fate : Fate::kLeftOut;
}

// RFC 9110 §7.6.1: "a connection option corresponding to a field that is intended for all recipients" must
// not be sent, and a proxy has to remove what it names. What is not forwarded anyway may be named.
std::optional<std::string> ForwardedHeaders::named_by_connection(std::string_view value) const {
  while (!value.empty()) {
    auto option = value.substr(0, value.find(','));
    value.remove_prefix(std::min(option.size() + 1, value.size()));
    const auto begin = std::min(option.find_first_not_of(" \t"), option.size());
    option = option.substr(begin, option.find_last_not_of(" \t") + 1 - begin);
    const auto of = fate(option);
    if (of == Fate::kForwarded || of == Fate::kOfWrit)
      return fmt::format("`Connection` names `{}`, which is for all that the request reaches", option);
  }
  return std::nullopt;
}

std::optional<std::string> ForwardedHeaders::ambiguity(const http::Headers& received) const {
  std::uint64_t seen = 0;
  static_assert(std::size(kStandard) < 64, "each field that stands once has a bit");
  for (std::size_t i = 0; i < received.size(); ++i) {
    const auto header = received[i];
    const auto* field = find(header.name);
    if (field == nullptr) continue;
    if (field->fate == Fate::kOfHop && field->name == "connection") {
      if (auto named = named_by_connection(header.value)) return named;
    }
    if (!field->once) continue;
    const auto bit = std::uint64_t{1} << (static_cast<std::size_t>(field - fields_.data()) % 64);
    if ((seen & bit) != 0 && received.count(header.name) > 1)
      return fmt::format("`{}` is given twice", header.name);
    seen |= bit;
  }
  return std::nullopt;
}

http::Headers ForwardedHeaders::upstream(const http::Request& request, std::string_view proto,
                                         std::string_view api, LeftOut& left_out) const {
  const auto& received = request.headers;
  http::Headers headers;
  for (std::size_t i = 0; i < received.size(); ++i) {
    const auto header = received[i];
    const auto of = fate(header.name);
    if (of == Fate::kForwarded) {
      headers.add(header.name, header.value);
    } else if (of == Fate::kLeftOut) {
      left_out.saw(api, header.name);
    }
  }
  headers.add("X-Forwarded-For", request.peer_ip);
  if (!request.host.empty()) headers.add("X-Forwarded-Host", request.host);
  headers.add("X-Forwarded-Proto", proto);
  return headers;
}

http::Headers ForwardedHeaders::upstream_trailers(const http::Headers& received) const {
  http::Headers trailers;
  for (std::size_t i = 0; i < received.size(); ++i) {
    const auto* field = find(received[i].name);
    if (field == nullptr || field->fate != Fate::kForwarded || field->once) continue;
    // The standard ones come first.
    if (static_cast<std::size_t>(field - fields_.data()) < std::size(kStandard)) continue;
    trailers.add(received[i].name, received[i].value);
  }
  return trailers;
}

void ForwardedHeaders::append_to(std::string& text, const http::Headers& received) const {
  for (const Field& field : fields_) {
    if (field.fate != Fate::kForwarded || field.incidental) continue;
    for (std::size_t i = 0; i < received.size(); ++i) {
      const auto header = received[i];
      if (!http::equal_ignoring_case(header.name, field.name)) continue;
      text += fmt::format("{}:{}{}:{}", field.name.size(), field.name, header.value.size(), header.value);
    }
  }
}

bool is_hop_by_hop(std::string_view name) noexcept {
  const auto fate = ForwardedHeaders::standard()->fate(name);
  return fate == Fate::kOfHop || http::equal_ignoring_case(name, "content-length");
}

void ask_for_whole(http::Headers& headers) {
  headers.remove_all({"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since",
                      "If-Unmodified-Since", "Want-Content-Digest", "Want-Repr-Digest", "Accept-Encoding"});
  headers.add("Accept-Encoding", "identity");
}

http::Headers answer_trailers(const http::Headers& received) {
  static constexpr std::string_view kNames[] = {
      "age",
      "allow",
      "authorization",
      "cache-control",
      "date",
      "etag",
      "expires",
      "host",
      "last-modified",
      "location",
      "pragma",
      "retry-after",
      "set-cookie",
      "vary",
      "strict-transport-security",
      "www-authenticate",
  };
  http::Headers trailers;
  for (std::size_t i = 0; i < received.size(); ++i) {
    const auto name = codec::lowered(received[i].name);
    const bool of_head = is_hop_by_hop(name) || std::ranges::find(kNames, name) != std::end(kNames) ||
                         name.starts_with("access-control-") ||
                         (name.starts_with("content-") && name != "content-digest");
    if (!of_head && !http::equal_ignoring_case(name, kRequestIdHeader)) trailers.add(name, received[i].value);
  }
  return trailers;
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

http::Headers cut_answer_headers(const http::Headers& received, std::string_view request_id) {
  auto headers = answer_headers(received, request_id);
  // RFC 9110 §8.8, §14; RFC 9530; RFC 3230 and 1864, which it replaces; RFC 9421, whose signatures cover
  // them.
  headers.remove_all({"ETag", "Last-Modified", "Accept-Ranges", "Content-Range", "Content-Digest",
                      "Repr-Digest", "Digest", "Content-MD5", "Signature", "Signature-Input",
                      "Content-Length", "Expires", "Pragma", "Age", "Cache-Control"});
  headers.add("Cache-Control", "no-store");
  return headers;
}

}  // namespace writ::gateway
