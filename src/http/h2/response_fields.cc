#include "http/h2/response_fields.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/check.h"
#include "codec/ascii.h"
#include "http/h1/response_writer.h"

namespace writ::http {
namespace {

constexpr std::size_t kOwnBytes = 256;  // status, date, length, retry-after
constexpr std::size_t kOwnFields = 4;

}  // namespace

ResponseFields::ResponseFields(int status, const Headers& headers, std::optional<std::uint64_t> length,
                               bool own) {
  // The fields point into the bytes, which so may not move.
  std::size_t size = kOwnBytes;
  for (std::size_t i = 0; i < headers.size(); ++i) size += headers[i].name.size() + headers[i].value.size();
  bytes_.reserve(size);
  fields_.reserve(headers.size() + kOwnFields);
  const fmt::format_int status_text(status);
  add(":status", {status_text.data(), status_text.size()});
  bool has_date = false;
  bool says_when = !own || (status != 429 && status != 503);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const Header header = headers[i];
    if (is_connection_field(header.name) || !is_token(header.name) || !is_field_value(header.value)) continue;
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

void ResponseFields::add(std::string_view name, std::string_view value) {
  WRIT_CHECK(bytes_.capacity() - bytes_.size() >= name.size() + value.size());
  const auto begin = bytes_.size();
  for (const char c : name) bytes_ += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  bytes_.append(value);
  auto* at = reinterpret_cast<std::uint8_t*>(bytes_.data()) + begin;
  // RFC 7541 §7.1.3: what is worth guessing is not put into the table that others' fields share.
  const bool secret = equal_ignoring_case(name, "set-cookie") || equal_ignoring_case(name, "authorization");
  fields_.push_back(
      {.name = at,
       .value = at + name.size(),
       .namelen = name.size(),
       .valuelen = value.size(),
       .flags = static_cast<std::uint8_t>(secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)});
}

}  // namespace writ::http
