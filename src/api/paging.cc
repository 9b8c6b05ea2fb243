#include "api/paging.h"

#include <charconv>
#include <fmt/format.h>

#include "api/problem.h"
#include "http/target.h"

namespace writ::api {
namespace {

constexpr std::size_t kMaxIdBytes = 64;

std::unexpected<http::Response> invalid(std::string message) {
  return std::unexpected(problem({ErrorCode::kInvalid, std::move(message)}));
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string next_page(const control::Page::Place& last) {
  return fmt::format("{}.{}", unix_millis(last.first), last.second);
}

Answer<control::Page> page_of(const http::Request& request) {
  control::Page page;
  const auto limit = http::query_parameter(request.query, "limit");
  if (limit.state != http::QueryState::kAbsent) {
    const auto value = limit.state == http::QueryState::kOne ? number(limit.value) : std::nullopt;
    if (!value || *value < 1 || *value > static_cast<std::int64_t>(control::kMaxListed))
      return invalid(fmt::format("`limit` must be one number from 1 to {}", control::kMaxListed));
    page.limit = static_cast<std::size_t>(*value);
  }
  const auto after = http::query_parameter(request.query, "after");
  if (after.state == http::QueryState::kAbsent) return page;
  const std::string_view text = after.state == http::QueryState::kOne ? after.value : std::string_view();
  const auto dot = text.find('.');
  const auto at = dot != text.npos ? number(text.substr(0, dot)) : std::nullopt;
  if (!at || *at < 0 || text.size() > dot + 1 + kMaxIdBytes)
    return invalid("`after` must be what an answer gave as `next`");
  page.after.emplace(Instant(Duration(*at)), text.substr(dot + 1));
  return page;
}

}  // namespace writ::api
