#include "http/h2/sent_fields.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/check.h"
#include "codec/ascii.h"
#include "http/h1/response_writer.h"

namespace writ::http {
namespace {

constexpr std::size_t kOwnBytes = 256;  // status, date, length, retry-after
constexpr std::size_t kOwnFields = 4;
constexpr std::size_t kCallBytes = 256;  // the names of pseudo-header fields, scheme, length, te
constexpr std::size_t kCallFields = 6;
constexpr std::size_t kLongBytes = 128;  // of a value that is another one each time

bool passes(const Header& header) {
  return !is_connection_field(header.name) && is_token(header.name) && is_field_value(header.value);
}

// RFC 7541 §7.1.3: what is worth guessing is not put into the table that others' fields share.
bool is_kept_out(std::string_view name, std::string_view value) {
  static constexpr std::array<std::string_view, 3> kSecret = {"set-cookie", "authorization", "cookie"};
  return value.size() >= kLongBytes ||
         std::ranges::any_of(kSecret, [&](auto secret) { return equal_ignoring_case(name, secret); });
}

}  // namespace

// The fields point into the bytes, which so may not move.
SentFields::SentFields(const Headers& headers, std::size_t more_bytes, std::size_t more_fields) {
  std::size_t size = more_bytes;
  for (std::size_t i = 0; i < headers.size(); ++i) size += headers[i].name.size() + headers[i].value.size();
  bytes_.reserve(size);
  fields_.reserve(headers.size() + more_fields);
}

void SentFields::add(std::string_view name, std::string_view value) {
  WRIT_CHECK(bytes_.capacity() - bytes_.size() >= name.size() + value.size());
  const auto begin = bytes_.size();
  for (const char c : name) bytes_ += codec::lowered(c);
  bytes_.append(value);
  auto* at = reinterpret_cast<std::uint8_t*>(bytes_.data()) + begin;
  const bool kept_out = is_kept_out(name, value);
  fields_.push_back(
      {.name = at,
       .value = at + name.size(),
       .namelen = name.size(),
       .valuelen = value.size(),
       .flags = static_cast<std::uint8_t>(kept_out ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)});
}

ResponseFields::ResponseFields(int status, const Headers& headers, std::optional<std::uint64_t> length,
                               bool own)
    : SentFields(headers, kOwnBytes, kOwnFields) {
  const fmt::format_int status_text(status);
  add(":status", {status_text.data(), status_text.size()});
  bool has_date = false;
  bool says_when = !own || (status != 429 && status != 503);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const Header header = headers[i];
    if (!passes(header)) continue;
    has_date |= equal_ignoring_case(header.name, "date");
    says_when = says_when || equal_ignoring_case(header.name, "retry-after");
    add(header.name, codec::trimmed(header.value));
  }
  if (!says_when) add("retry-after", "1");
  if (!has_date) add("date", http_date());
  if (length) {
    const fmt::format_int length_text(*length);
    add("content-length", {length_text.data(), length_text.size()});
  }
}

CallFields::CallFields(const Outbound& request, const Origin& origin)
    : SentFields(request.headers,
                 kCallBytes + request.method.size() + origin.authority.size() + origin.path_prefix.size() +
                     request.target.size(),
                 kCallFields) {
  add(":method", request.method);
  add(":scheme", origin.tls != nullptr ? "https" : "http");
  add(":authority", origin.authority);
  add(":path", origin.path_prefix + request.target);
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const Header header = request.headers[i];
    if (!passes(header) || equal_ignoring_case(header.name, "host") ||
        equal_ignoring_case(header.name, "expect"))
      continue;
    add(header.name, codec::trimmed(header.value));
  }
  // RFC 9113 §8.2.2: the one value that it may have.
  if (request.takes_trailers) add("te", "trailers");
  if (request.has_body && request.content_length) {
    const fmt::format_int length(*request.content_length);
    add("content-length", {length.data(), length.size()});
  }
}

TrailerFields::TrailerFields(const Headers& trailers) : SentFields(trailers, 0, 0) {
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    if (passes(trailers[i])) add(trailers[i].name, codec::trimmed(trailers[i].value));
  }
}

}  // namespace writ::http
