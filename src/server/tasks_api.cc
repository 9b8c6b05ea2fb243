#include "server/tasks_api.h"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>

#include "context/context.h"
#include "crypto/random.h"
#include "server/problem.h"
#include "task/attenuation.h"

namespace writ::server {
namespace {

constexpr std::string_view kType = "Writ::Task";
constexpr std::string_view kManage = "manage-tasks";
constexpr std::string_view kRead = "read-tasks";

std::unexpected<Error> invalid(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

auto facts_of(const task::Task& task) {
  return [&task](cedar::Arena& arena) { return context::task_attributes(arena, task); };
}

codec::Json shown(const task::LiveTask& live, Instant now) {
  auto json = task::task_to_json(live.task(), live.state(), live.used_calls(), now);
  json.set("used", live.used(now));
  return json;
}

bool has_action(const inventory::Snapshot& inventory, const cedar::EntityUid& action) {
  return std::ranges::any_of(inventory.apis(), [&](const inventory::Api* api) {
    return api->action_type() == action.type &&
           std::ranges::find(api->actions, action.id) != api->actions.end();
  });
}

}  // namespace

// A task that names what is not there would be refused at every request, and nobody would know why.
Result<void> TasksApi::check_names(const task::Task& task) const {
  const auto inventory = directory_.snapshot();
  for (const auto& id : task.agents) {
    const auto* agent = inventory->find(id);
    if (agent == nullptr || (*agent)->kind != inventory::Kind::kAgent)
      return invalid(fmt::format("`agents`: there is no agent `{}`", id));
  }
  if (task.client && inventory->find(*task.client) == nullptr)
    return invalid(fmt::format("`client`: there is no identity `{}`", *task.client));
  for (const auto& action : task.actions) {
    if (!has_action(*inventory, action))
      return invalid(fmt::format("`actions`: no API has the action {}", task::uid_text(action)));
  }
  return {};
}

Answer<http::Response> TasksApi::open(const http::Request& request) const {
  const auto json = TRY(read_json(request));
  auto task = task::task_from_request(json, api_.now());
  if (!task) return std::unexpected(problem(task.error()));
  task->id = "t-" + crypto::random_id();
  const auto permit = TRY(api_.allow(request, kManage, {kType, task->id}, facts_of(*task)));
  if (const auto named = check_names(*task); !named) return std::unexpected(problem(named.error()));
  task->opened_by = permit.token()->client_id;
  // A task of somebody's stays in their tenant.
  if (!task->tenant) task->tenant = permit.tenant();
  TRY(api_.record(permit, "task.opened", task->id, task::task_record(*task)));
  const auto live = tasks_.open(*std::move(task));
  if (!live) return std::unexpected(problem(live.error()));
  auto response = answer_json(201, shown(**live, permit.time()));
  response.headers.set("Location", "/v1/tasks/" + (**live)->id);
  return response;
}

Answer<http::Response> TasksApi::list(const http::Request& request) const {
  const auto permit = TRY(api_.allow(request, kRead));
  auto list = codec::Json::array();
  bool more = false;
  for (const auto& live : tasks_.all() | std::views::reverse) {
    const auto& task = live->task();
    if (!api_.would_allow(request, kRead, {kType, task.id}, facts_of(task))) continue;
    if (list.if_array()->size() == kMaxListed) {
      more = true;
      break;
    }
    list.push(shown(*live, permit.time()));
  }
  return answer_json(200, codec::Json::object({{"tasks", std::move(list)}, {"more", more}}));
}

// Without the task its facts are missing too, so only who may see every task learns that there is none.
Answer<std::pair<gateway::Permit, TasksApi::Live>> TasksApi::find(const http::Request& request,
                                                                  std::string_view action,
                                                                  const std::string& id) const {
  auto live = tasks_.find(id);
  auto permit = TRY(live == nullptr ? api_.allow(request, action, {kType, id})
                                    : api_.allow(request, action, {kType, id}, facts_of(live->task())));
  if (live == nullptr)
    return std::unexpected(problem({ErrorCode::kNotFound, fmt::format("there is no task `{}`", id)}));
  return std::pair(std::move(permit), std::move(live));
}

Answer<http::Response> TasksApi::show(const http::Request& request, const std::string& id) const {
  const auto [permit, live] = TRY(find(request, kRead, id));
  return answer_json(200, shown(*live, permit.time()));
}

Answer<http::Response> TasksApi::narrow(const http::Request& request, const std::string& id) const {
  const auto [permit, live] = TRY(find(request, kManage, id));
  const auto json = TRY(read_json(request));
  // What would be refused is not recorded as done.
  if (const auto less = task::narrowed(live->task(), json, permit.time()); !less)
    return std::unexpected(problem(less.error()));
  TRY(api_.record(permit, "task.narrowed", id, json.dump()));
  if (const auto done = tasks_.narrow(id, json, permit.time()); !done)
    return std::unexpected(problem(done.error()));
  return answer_json(200, shown(*live, permit.time()));
}

Answer<http::Response> TasksApi::act(const http::Request& request, const std::string& id,
                                     const Verb& verb) const {
  const auto [permit, live] = TRY(find(request, kManage, id));
  TRY(api_.record(permit, verb.event, id));
  if (const auto done = verb.act(tasks_, id, permit.time()); !done)
    return std::unexpected(problem(done.error()));
  return answer_json(200, shown(*live, permit.time()));
}

Result<void> TasksApi::add_to(http::Endpoints& endpoints) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(endpoints.add("POST", "/v1/tasks", slow,
                    endpoint([this](const Request& r, const PathValues&) { return open(r); })));
  TRY(endpoints.add("GET", "/v1/tasks", slow,
                    endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(endpoints.add("GET", "/v1/tasks/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return show(r, v[0]); })));
  TRY(endpoints.add("POST", "/v1/tasks/{id}/narrow", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return narrow(r, v[0]); })));
  using task::Registry;
  const auto add = [&](std::string_view path, Verb verb) {
    return endpoints.add("POST", path, slow, endpoint([this, verb](const Request& r, const PathValues& v) {
                           return act(r, v[0], verb);
                         }));
  };
  TRY(add("/v1/tasks/{id}/suspend",
          {"task.suspended", [](Registry& tasks, auto id, auto now) { return tasks.suspend(id, now); }}));
  TRY(add("/v1/tasks/{id}/resume",
          {"task.resumed", [](Registry& tasks, auto id, auto now) { return tasks.resume(id, now); }}));
  TRY(add("/v1/tasks/{id}/end",
          {"task.ended", [](Registry& tasks, auto id, auto) { return tasks.end(id); }}));
  return add("/v1/tasks/{id}/revoke",
             {"task.revoked", [](Registry& tasks, auto id, auto) { return tasks.revoke(id); }});
}

}  // namespace writ::server
