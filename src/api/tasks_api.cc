#include "api/tasks_api.h"

#include <utility>

#include "api/paging.h"

namespace writ::api {
namespace {

using control::Tasks;

codec::Json shown(const task::LiveTask& live, Instant now) {
  auto json = task::task_to_json(live.task(), live.standing(), live.used_calls(), now);
  json.set("used", live.used(now));
  return json;
}

}  // namespace

Answer<http::Response> TasksApi::open(const http::Request& request) const {
  const auto json = TRY(read_json(request));
  const auto opened = TRY(rendered(tasks_.open(caller_of(request), json)));
  auto response = answer_json(201, shown(*opened.live, opened.now));
  response.headers.set("Location", "/v1/tasks/" + (*opened.live)->id);
  return response;
}

Answer<http::Response> TasksApi::list(const http::Request& request) const {
  const auto page = TRY(page_of(request));
  const auto listed = TRY(rendered(tasks_.list(caller_of(request), page)));
  auto list = codec::Json::array();
  for (const auto& live : listed.items) list.push(shown(*live, listed.now));
  auto answer = codec::Json::object({{"tasks", std::move(list)}, {"more", listed.next.has_value()}});
  if (listed.next) answer.set("next", next_page(*listed.next));
  return answer_json(200, answer);
}

Answer<http::Response> TasksApi::narrow(const http::Request& request, const std::string& id) const {
  const auto json = TRY(read_json(request));
  const auto narrowed = TRY(rendered(tasks_.narrow(caller_of(request), id, json)));
  return answer_json(200, shown(*narrowed.live, narrowed.now));
}

Result<void> TasksApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(endpoints.add("POST", "/v1/tasks", slow,
                    endpoint([this](const Request& r, const PathValues&) { return open(r); })));
  TRY(add_read(endpoints, "/v1/tasks", readers,
               endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(endpoints.add("POST", "/v1/tasks/{id}/narrow", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return narrow(r, v[0]); })));
  using UseCase = control::Answer<Tasks::Seen> (Tasks::*)(const control::Caller&, const std::string&) const;
  const auto add = [&](const char* method, const char* path, UseCase use_case) {
    return endpoints.add(
        method, path, slow,
        endpoint([this, use_case](const Request& r, const PathValues& v) -> Answer<http::Response> {
          const auto seen = TRY(rendered((tasks_.*use_case)(caller_of(r), v[0])));
          return answer_json(200, shown(*seen.live, seen.now));
        }));
  };
  TRY(add("GET", "/v1/tasks/{id}", &Tasks::show));
  TRY(add("POST", "/v1/tasks/{id}/approve", &Tasks::approve));
  TRY(add("POST", "/v1/tasks/{id}/deny", &Tasks::deny));
  TRY(add("POST", "/v1/tasks/{id}/suspend", &Tasks::suspend));
  TRY(add("POST", "/v1/tasks/{id}/resume", &Tasks::resume));
  TRY(add("POST", "/v1/tasks/{id}/end", &Tasks::end));
  return add("POST", "/v1/tasks/{id}/revoke", &Tasks::revoke);
}

}  // namespace writ::api
