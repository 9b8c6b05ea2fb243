#include "api/audit_api.h"

#include <charconv>
#include <fmt/format.h>

#include "api/problem.h"
#include "audit/verify.h"
#include "http/target.h"

namespace writ::api {
namespace {

constexpr std::uint64_t kMaxRecords = 1000;
constexpr std::size_t kMaxPageBytes = 4 << 20;

Answer<std::uint64_t> parameter(const http::Request& request, std::string_view name, std::uint64_t otherwise,
                                std::uint64_t max) {
  const auto query = http::query_parameter(request.query, name);
  if (query.state == http::QueryState::kAbsent) return otherwise;
  std::uint64_t value = 0;
  const auto* end = query.value.data() + query.value.size();
  const auto read = std::from_chars(query.value.data(), end, value);
  if (query.state == http::QueryState::kOne && read.ec == std::errc() && read.ptr == end && value <= max)
    return value;
  return std::unexpected(
      problem({ErrorCode::kInvalid, fmt::format("`{}` must be one number of at most {}", name, max)}));
}

}  // namespace

Answer<http::Response> AuditApi::head(const http::Request& request) const {
  const auto head = TRY(rendered(trail_.head(caller_of(request))));
  return answer_json(200, codec::Json::object({{"seq", static_cast<std::int64_t>(head.seq)},
                                               {"hash", head.hash},
                                               {"head", audit::head_text(head)}}));
}

Answer<http::Response> AuditApi::records(const http::Request& request) const {
  const auto after = TRY(parameter(request, "after", 0, INT64_MAX));
  const auto limit = TRY(parameter(request, "limit", 100, kMaxRecords));
  // The lines are JSON already, byte by byte as they were hashed.
  std::string body = R"({"records":[)";
  std::uint64_t count = 0;
  TRY(rendered(trail_.records(caller_of(request), after, [&](std::string_view line) {
    if (count == limit || (count > 0 && body.size() + line.size() > kMaxPageBytes)) return false;
    if (count++ > 0) body += ',';
    body += line;
    return true;
  })));
  auto response = http::json_response(200, body + "]}");
  response.headers.set("Cache-Control", "no-store");
  return response;
}

Result<void> AuditApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  TRY(endpoints.add("GET", "/v1/audit/head", http::Cost::kSlow,
                    endpoint([this](const Request& r, const PathValues&) { return head(r); })));
  TRY(add_read(endpoints, "/v1/audit/records", readers,
               endpoint([this](const Request& r, const PathValues&) { return records(r); })));
  return {};
}

}  // namespace writ::api
