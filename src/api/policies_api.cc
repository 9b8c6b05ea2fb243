#include "api/policies_api.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::api {
namespace {

using codec::Json;

Json to_json(const files::Issues& issues) {
  Json list = Json::array();
  for (const auto& issue : issues.all()) list.push(files::to_json(issue));
  return list;
}

Json to_json(const control::WaitingRevision& waiting) {
  return Json::object(
      {{"policy_revision", waiting.revision}, {"in_force_at", audit::format_time(waiting.until)}});
}

const files::Issue& first_error(const files::Issues& issues) {
  return *std::ranges::find(issues.all(), files::Severity::kError, &files::Issue::severity);
}

http::Response answer(const control::Replacement& replacement) {
  if (replacement.issues.has_errors())
    return answer_json(422,
                       Json::object({{"error", "invalid_policies"},
                                     {"message", fmt::format("{} errors, nothing has changed; the first: {}",
                                                             replacement.issues.errors(),
                                                             render(first_error(replacement.issues)))},
                                     {"policy_revision", replacement.revision},
                                     {"issues", to_json(replacement.issues)}}));
  auto json = Json::object({{"policy_revision", replacement.revision},
                            {"changed", replacement.changed},
                            {"held", replacement.held},
                            {"issues", to_json(replacement.issues)}});
  if (replacement.waiting) json.set("waiting", to_json(*replacement.waiting));
  return answer_json(200, json);
}

}  // namespace

Answer<http::Response> PoliciesApi::list(const http::Request& request) const {
  const auto state = TRY(rendered(policies_.list(caller_of(request))));
  Json revisions = Json::array();
  for (const auto& kept : state.kept)
    revisions.push(Json::object({{"policy_revision", kept.revision},
                                 {"since", audit::format_time(kept.since)},
                                 {"in_force", kept.revision == state.revision}}));
  Json json = Json::object({{"policy_revision", state.revision}, {"revisions", std::move(revisions)}});
  if (state.instead_of) json.set("instead_of", *state.instead_of);
  if (state.waiting) json.set("waiting", to_json(*state.waiting));
  return answer_json(200, json);
}

Answer<http::Response> PoliciesApi::show(const http::Request& request, const std::string& revision) const {
  const auto texts = TRY(rendered(policies_.show(caller_of(request), revision)));
  Json files = Json::array();
  for (const auto& file : texts.files)
    files.push(Json::object({{"kind", file.kind}, {"path", file.path}, {"text", *file.text}}));
  return answer_json(200, Json::object({{"policy_revision", texts.kept.revision},
                                        {"since", audit::format_time(texts.kept.since)},
                                        {"max_chain", static_cast<std::int64_t>(texts.max_chain)},
                                        {"files", std::move(files)}}));
}

Answer<http::Response> PoliciesApi::reload(const http::Request& request) const {
  const auto json = request.body.empty() ? Json() : TRY(read_json(request));
  return answer(TRY(rendered(policies_.reload(caller_of(request), json))));
}

Answer<http::Response> PoliciesApi::roll_back(const http::Request& request) const {
  const auto json = TRY(read_json(request));
  return answer(TRY(rendered(policies_.roll_back(caller_of(request), json))));
}

Result<void> PoliciesApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(endpoints.add("GET", "/v1/policies", slow,
                    endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(add_read(endpoints, "/v1/policies/{id}", readers,
               endpoint([this](const Request& r, const PathValues& v) { return show(r, v[0]); })));
  TRY(endpoints.add("POST", "/v1/policies/reload", slow,
                    endpoint([this](const Request& r, const PathValues&) { return reload(r); })));
  return endpoints.add("POST", "/v1/policies/rollback", slow,
                       endpoint([this](const Request& r, const PathValues&) { return roll_back(r); }));
}

}  // namespace writ::api
