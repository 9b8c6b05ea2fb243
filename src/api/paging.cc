#include "api/paging.h"

#include <charconv>
#include <fmt/format.h>

#include "api/problem.h"
#include "codec/base64url.h"
#include "codec/name.h"
#include "http/target.h"

namespace writ::api {
namespace {

constexpr std::size_t kMaxIdBytes = 64;
constexpr std::size_t kMaxCursorBytes = 1024;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

std::unexpected<http::Response> not_a_place() {
  return invalid("`after` must be what an answer gave as `next`");
}

Answer<std::size_t> limit_of(const http::Request& request) {
  const auto limit = http::query_parameter(request.query, "limit");
  if (limit.state == http::QueryState::kAbsent) return control::kMaxListed;
  const auto value = limit.state == http::QueryState::kOne ? number(limit.value) : std::nullopt;
  if (value && *value >= 1 && *value <= static_cast<std::int64_t>(control::kMaxListed))
    return static_cast<std::size_t>(*value);
  return invalid(fmt::format("`limit` must be one number from 1 to {}", control::kMaxListed));
}

// Nothing: from the beginning.
Answer<std::optional<std::string>> after_of(const http::Request& request) {
  const auto after = http::query_parameter(request.query, "after");
  if (after.state == http::QueryState::kAbsent) return std::nullopt;
  if (after.state != http::QueryState::kOne) return not_a_place();
  return std::string(after.value);
}

}  // namespace

std::string next_page(const control::Page::Place& last) {
  return fmt::format("{}.{}", unix_millis(last.first), last.second);
}

Answer<control::Page> page_of(const http::Request& request) {
  control::Page page;
  page.limit = TRY(limit_of(request));
  const auto text = TRY(after_of(request));
  if (!text) return page;
  const auto dot = text->find('.');
  const auto at = dot != text->npos ? number(text->substr(0, dot)) : std::nullopt;
  if (!at || *at < 0 || text->size() > dot + 1 + kMaxIdBytes) return not_a_place();
  page.after.emplace(Instant(Duration(*at)), text->substr(dot + 1));
  return page;
}

std::string next_page(const std::string& last_id) {
  return codec::base64url_encode(last_id);
}

Answer<control::IdPage> id_page_of(const http::Request& request) {
  control::IdPage page;
  page.limit = TRY(limit_of(request));
  const auto text = TRY(after_of(request));
  if (!text) return page;
  if (text->size() > kMaxCursorBytes) return not_a_place();
  auto id = codec::base64url_decode(*text);
  if (!id || codec::name_problem(*id)) return not_a_place();
  page.after = *std::move(id);
  return page;
}

}  // namespace writ::api
