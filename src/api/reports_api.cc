#include "api/reports_api.h"

#include "api/parameters.h"

namespace writ::api {
namespace {

using ReportKind = control::ReportQuestion::Kind;

constexpr std::uint64_t kMaxDays = 3660;

}  // namespace

Answer<http::Response> ReportsApi::contracts(const http::Request& request) const {
  const Parameters parameters(request, {"api"});
  TRY(parameters.check());
  control::ReportQuestion question{.kind = ReportKind::kContracts};
  question.api = TRY(parameters.text("api"));
  return answer_json(200, TRY(rendered(reports_.ask(caller_of(request), question))));
}

Answer<http::Response> ReportsApi::posture(const http::Request& request) const {
  const Parameters parameters(request, {"check", "log", "limit", "after"});
  TRY(parameters.check());
  control::ReportQuestion question{.kind = ReportKind::kPosture};
  question.check = TRY(parameters.text("check"));
  const auto log = TRY(parameters.text("log"));
  question.log = log.empty() || TRY(parameters.flag("log"));
  question.limit = TRY(parameters.number("limit", 1, control::kMaxFindings)).value_or(question.limit);
  question.after = TRY(parameters.text("after"));
  return answer_json(200, TRY(rendered(reports_.ask(caller_of(request), question))));
}

Answer<http::Response> ReportsApi::rightsizing(const http::Request& request) const {
  const Parameters parameters(request, {"days"});
  TRY(parameters.check());
  control::ReportQuestion question{.kind = ReportKind::kRightsizing};
  question.days = TRY(parameters.number("days", 1, kMaxDays)).value_or(question.days);
  return answer_json(200, TRY(rendered(reports_.ask(caller_of(request), question))));
}

Result<void> ReportsApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  TRY(add_read(endpoints, "/v1/contracts", readers,
               endpoint([this](const Request& r, const PathValues&) { return contracts(r); })));
  TRY(add_read(endpoints, "/v1/posture", readers,
               endpoint([this](const Request& r, const PathValues&) { return posture(r); })));
  return add_read(endpoints, "/v1/rightsizing", readers,
                  endpoint([this](const Request& r, const PathValues&) { return rightsizing(r); }));
}

}  // namespace writ::api
