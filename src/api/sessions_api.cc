#include "api/sessions_api.h"

#include <fmt/format.h>

#include "api/problem.h"
#include "codec/members.h"

namespace writ::api {
namespace {

constexpr std::string_view kManage = "manage-inventory";

Result<oauth::SessionEnd> read_end(const codec::Json& json, const oauth::TrustedIssuers& issuers) {
  const auto members =
      TRY(codec::Members::of(json, "the end of a session", {"issuer", "session", "subject", "token"}));
  const auto issuer = TRY(members.text("issuer", codec::kMaxNameBytes));
  oauth::SessionEnd end{.by = issuers.find(issuer), .at = {}};
  if (end.by == nullptr || !end.by->logout)
    return failure(ErrorCode::kInvalid,
                   fmt::format("`issuer`: `{}` is not a trusted issuer with `logout`", issuer));
  end.session = TRY(members.optional_text("session", codec::kMaxNameBytes));
  end.subject = TRY(members.optional_text("subject", codec::kMaxNameBytes));
  end.token = TRY(members.optional_text("token", codec::kMaxNameBytes));
  if (int{end.session.has_value()} + int{end.subject.has_value()} + int{end.token.has_value()} != 1)
    return failure(ErrorCode::kInvalid, "one of `session`, `subject` and `token` says what is over");
  return end;
}

}  // namespace

// A provider's sessions are of all its tenants.
control::Answer<enforce::Permit> SessionsApi::allow(const http::Request& request) const {
  return authority_.allow_for_all_tenants(caller_of(request), kManage, "sessions are", control::Stops::kYes);
}

// Who may is asked first: a refusal tells nothing of the issuers.
Answer<http::Response> SessionsApi::end(const http::Request& request) const {
  const auto permit = TRY(rendered(allow(request)));
  const auto json = TRY(read_json(request));
  auto end = read_end(json, ends_.parts().issuers);
  if (!end) return std::unexpected(problem(end.error()));
  // The provider's clock may be ahead of ours, and its tokens say when they were issued by that.
  end->at = authority_.now().latest + end->by->tolerance;
  end->said_by = permit.token()->client_id;
  if (const auto ended = ends_.end(*end, permit.request_id()); !ended) {
    auto later = http::error_response(503, "indeterminate", ended.error().message);
    later.headers.set("Retry-After", "1");
    return std::unexpected(std::move(later));
  }
  return http::Response{204, {}, {}};
}

Result<void> SessionsApi::add_to(http::Endpoints& endpoints) const {
  return endpoints.add(
      "POST", "/v1/sessions/end", http::Cost::kSlow,
      endpoint([this](const http::Request& request, const http::PathValues&) { return end(request); }));
}

}  // namespace writ::api
