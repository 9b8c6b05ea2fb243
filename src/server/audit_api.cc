#include "server/audit_api.h"

#include <charconv>
#include <fmt/format.h>

#include "audit/verify.h"
#include "gateway/refusal.h"
#include "http/target.h"
#include "server/problem.h"

namespace writ::server {
namespace {

constexpr std::string_view kRead = "read-audit";
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

// The chain is of all tenants, and a part of it proves nothing: a caller of one tenant does not read it.
Answer<void> AuditApi::allow(const http::Request& request) const {
  const auto permit = TRY(api_.allow(request, kRead));
  if (!permit.tenant()) return {};
  const decision::Refusal refusal{
      Reason::kTenantMismatch,
      fmt::format("the audit is of all tenants, the request of `{}`", *permit.tenant()),
      {},
      {},
      {}};
  return std::unexpected(gateway::refusal_response(refusal, permit.request_id()));
}

Answer<http::Response> AuditApi::head(const http::Request& request) const {
  TRY(allow(request));
  const auto head = log_.head();
  return answer_json(200, codec::Json::object({{"seq", static_cast<std::int64_t>(head.seq)},
                                               {"hash", head.hash},
                                               {"head", audit::head_text(head)}}));
}

Answer<http::Response> AuditApi::records(const http::Request& request) const {
  TRY(allow(request));
  const auto after = TRY(parameter(request, "after", 0, INT64_MAX));
  const auto limit = TRY(parameter(request, "limit", 100, kMaxRecords));
  // The lines are JSON already, byte by byte as they were hashed.
  std::string body = R"({"records":[)";
  std::uint64_t count = 0;
  const auto add = [&](std::string_view line) {
    if (count == limit || (count > 0 && body.size() + line.size() > kMaxPageBytes)) return false;
    if (count++ > 0) body += ',';
    body += line;
    return true;
  };
  const auto read = [&]() -> Result<void> {
    const auto newest = TRY(audit::part_of(log_.path()));
    // Older files are looked for only when they are asked for.
    const bool enough = newest && newest->before.seq <= after;
    return audit::read_after(enough ? std::vector{*newest} : TRY(audit::parts_beside(log_.path())), after,
                             add);
  }();
  if (!read) return std::unexpected(problem(read.error()));
  auto response = http::json_response(200, body + "]}");
  response.headers.set("Cache-Control", "no-store");
  return response;
}

Result<void> AuditApi::add_to(http::Endpoints& endpoints) const {
  using http::PathValues;
  using http::Request;
  TRY(endpoints.add("GET", "/v1/audit/head", http::Cost::kSlow,
                    endpoint([this](const Request& r, const PathValues&) { return head(r); })));
  TRY(endpoints.add("GET", "/v1/audit/records", http::Cost::kSlow,
                    endpoint([this](const Request& r, const PathValues&) { return records(r); })));
  return {};
}

}  // namespace writ::server
