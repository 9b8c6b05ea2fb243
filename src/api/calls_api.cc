#include "api/calls_api.h"

#include "api/paging.h"

namespace writ::api {

using control::Calls;

Answer<http::Response> CallsApi::list(const http::Request& request) const {
  const auto page = TRY(page_of(request));
  const auto listed = TRY(rendered(calls_.list(caller_of(request), page)));
  auto list = codec::Json::array();
  for (const auto& call : listed.items)
    list.push(task::call_to_json(call->approval, call->state, listed.now));
  auto answer = codec::Json::object({{"approvals", std::move(list)}, {"more", listed.next.has_value()}});
  if (listed.next) answer.set("next", next_page(*listed.next));
  return answer_json(200, answer);
}

Result<void> CallsApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(add_read(endpoints, "/v1/approvals", readers,
               endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  using UseCase = control::Answer<Calls::Seen> (Calls::*)(const control::Caller&, const std::string&) const;
  const auto add = [&](const char* method, const char* path, UseCase use_case) {
    return endpoints.add(
        method, path, slow,
        endpoint([this, use_case](const Request& r, const PathValues& v) -> Answer<http::Response> {
          const auto seen = TRY(rendered((calls_.*use_case)(caller_of(r), v[0])));
          return answer_json(200, task::call_to_json(seen.call.approval, seen.call.state, seen.now));
        }));
  };
  TRY(add("GET", "/v1/approvals/{id}", &Calls::show));
  TRY(add("POST", "/v1/approvals/{id}/approve", &Calls::approve));
  return add("POST", "/v1/approvals/{id}/deny", &Calls::deny);
}

}  // namespace writ::api
