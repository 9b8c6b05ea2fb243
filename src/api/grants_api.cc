#include "api/grants_api.h"

#include "api/problem.h"
#include "codec/members.h"

namespace writ::api {
namespace {

using codec::Json;
using codec::Members;

// As it stands now: with its last review, and whether it is linked.
Json shown(const control::Grants::Seen& seen, Instant now) {
  const auto& state = seen.state;
  const auto in_force = state.in_force();
  Json json = in_force           ? inventory::grant_to_json(*in_force)
              : state.declared   ? inventory::grant_to_json(*state.declared)
              : state.said.given ? inventory::grant_to_json(*state.said.given)
                                 : Json::object({{"id", seen.id}});
  json.set("status", !in_force ? "revoked" : now >= in_force->lapses_at() ? "lapsed" : "in_force");
  if (in_force) json.set("lapses_at", inventory::date_text(in_force->lapses_at()));
  if (state.declared) json.set("declared", true);
  if (state.said.review) json.set("reviewed_by", state.said.review->by);
  return json;
}

std::unexpected<http::Response> wrong(const Error& error) {
  return std::unexpected(problem(error));
}

}  // namespace

Answer<http::Response> GrantsApi::list(const http::Request& request) const {
  const auto all = TRY(rendered(grants_.list(caller_of(request))));
  auto list = Json::array();
  for (const auto& each : all) list.push(shown(each, grants_.now()));
  return answer_json(200, Json::object({{"grants", std::move(list)}}));
}

Answer<http::Response> GrantsApi::give(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  return answer_json(201, shown(TRY(rendered(grants_.give(caller_of(request), body))), grants_.now()));
}

Answer<http::Response> GrantsApi::review(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto read = [&]() -> Result<std::pair<std::string, Instant>> {
    const auto members = TRY(Members::of(body, "the review", {"id", "review_by"}));
    auto id = TRY(members.text("id", inventory::kMaxGrantIdBytes));
    const auto date = inventory::date_from_text(TRY(members.text("review_by")));
    if (!date) return members.wrong("review_by", "must be a date such as 2027-01-31");
    return std::pair(std::move(id), *date);
  }();
  if (!read) return wrong(read.error());
  return answer_json(200, shown(TRY(rendered(grants_.review(caller_of(request), read->first, read->second))),
                                grants_.now()));
}

Answer<http::Response> GrantsApi::revoke(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto id = [&]() -> Result<std::string> {
    const auto members = TRY(Members::of(body, "the body", {"id"}));
    return members.text("id", inventory::kMaxGrantIdBytes);
  }();
  if (!id) return wrong(id.error());
  return answer_json(200, shown(TRY(rendered(grants_.revoke(caller_of(request), *id))), grants_.now()));
}

Result<void> GrantsApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(add_read(endpoints, "/v1/grants", readers,
               endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(endpoints.add("POST", "/v1/grants", slow,
                    endpoint([this](const Request& r, const PathValues&) { return give(r); })));
  TRY(endpoints.add("POST", "/v1/grants/review", slow,
                    endpoint([this](const Request& r, const PathValues&) { return review(r); })));
  return endpoints.add("POST", "/v1/grants/revoke", slow,
                       endpoint([this](const Request& r, const PathValues&) { return revoke(r); }));
}

}  // namespace writ::api
