#include "server/tasks_api.h"

#include <algorithm>
#include <fmt/format.h>

#include "context/context.h"
#include "crypto/random.h"
#include "server/approver.h"
#include "server/paging.h"
#include "server/problem.h"
#include "task/attenuation.h"

namespace writ::server {
namespace {

constexpr std::string_view kType = "Writ::Task";
constexpr std::string_view kManage = "manage-tasks";
constexpr std::string_view kRequest = "request-tasks";
constexpr std::string_view kApprove = "approve-tasks";
constexpr std::string_view kDelegate = "delegate";
constexpr std::string_view kRead = "read-tasks";
constexpr std::size_t kLookedUp = 256;  // tasks at a time, for a page

std::unexpected<Error> invalid(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

auto facts_of(const task::Task& task) {
  return [&task](cedar::Arena& arena) { return context::task_attributes(arena, task); };
}

codec::Json shown(const task::LiveTask& live, Instant now) {
  auto json = task::task_to_json(live.task(), live.standing(), live.used_calls(), now);
  json.set("used", live.used(now));
  return json;
}

OwnApi::Object object(const std::shared_ptr<task::LiveTask>& live, std::string_view id, Error absent) {
  if (live == nullptr) return {{kType, id}, {}, kRead, OwnApi::Presence::kAbsent, std::move(absent)};
  return {{kType, id}, facts_of(live->task()), kRead, OwnApi::Presence::kThere, std::move(absent)};
}

std::unexpected<http::Response> conflict(std::string message) {
  return std::unexpected(problem({ErrorCode::kConflict, std::move(message)}));
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
  const auto policies = policies_();
  for (const auto& pattern : task.resources) {
    if (policies->resource_types == nullptr) break;
    const auto found = policies->resource_types->find(pattern.type);
    if (found == policies->resource_types->end())
      return invalid(fmt::format("`resources`: no schema, route or entity has the type `{}` of {}",
                                 pattern.type, pattern.text()));
    const auto& on_it = found->second;
    const bool usable = on_it.empty() || std::ranges::any_of(task.actions, [&](const auto& action) {
                          return std::ranges::find(on_it, action) != on_it.end();
                        });
    if (!usable)
      return invalid(
          fmt::format("`resources`: none of the task's actions is on a `{}`, so {} matches nothing",
                      pattern.type, pattern.text()));
  }
  return {};
}

// A request's own word that it needs approvals counts as much as a policy that lets it only be asked for.
Answer<TasksApi::Live> TasksApi::open(const Caller& caller, const codec::Json& json) const {
  auto task = task::task_from_request(json, api_.now().earliest);
  if (!task) return std::unexpected(problem(task.error()));
  task->id = "t-" + crypto::random_id();
  if (const auto parent = task->parent ? tasks_.find(*task->parent) : nullptr)
    task::inherit(*task, parent->task());
  const gateway::EntityName name{kType, task->id};
  const auto would = [&](std::string_view action) {
    return api_.would_allow(caller, action, name, facts_of(*task));
  };
  const bool at_once = task->approvals.needed == 0 && would(kManage);
  if (!at_once) task->approvals.needed = std::max<std::int64_t>(task->approvals.needed, 1);
  const auto action = at_once || !would(kRequest) ? kManage : kRequest;
  const auto permit = TRY(api_.allow(caller, action, name, facts_of(*task)));
  if (const auto named = check_names(*task); !named) return std::unexpected(problem(named.error()));
  task->opened_by = permit.token()->client_id;
  task->requested_by = parties_of(permit.token().claims());
  // A task of somebody's stays in their tenant.
  if (!task->tenant) task->tenant = permit.tenant();
  TRY(check_parent(caller, permit, *task));
  TRY(check_room(task->opened_by, *task));
  TRY(api_.record(permit, at_once ? "task.opened" : "task.requested", task->id, task::task_record(*task)));
  auto live = tasks_.open(*std::move(task), at_once ? task::State::kActive : task::State::kRequested);
  if (!live) return std::unexpected(problem(live.error()));
  return *std::move(live);
}

Answer<void> TasksApi::check_room(const std::string& client, const task::Task& task) const {
  const auto full = tasks_.make_room(client, task, api_.clock());
  if (!full) return std::unexpected(problem(full.error()));
  if (*full) return std::unexpected(too_many(**full));
  return {};
}

Answer<http::Response> TasksApi::open(const http::Request& request) const {
  const auto json = TRY(read_json(request));
  const auto live = TRY(open(request, json));
  auto response = answer_json(201, shown(*live, api_.now().latest));
  response.headers.set("Location", "/v1/tasks/" + (*live)->id);
  return response;
}

Answer<void> TasksApi::check_parent(const Caller& caller, const gateway::Permit& permit,
                                    const task::Task& task) const {
  const auto& inside = permit.token()->task;
  if (!task.parent) {
    if (!inside) return {};
    return conflict(
        fmt::format("a token of task `{}` opens sub-tasks of it only: `parent` is absent", *inside));
  }
  const auto parent = tasks_.find(*task.parent);
  if (inside && (parent == nullptr || !parent->within(*inside)))
    return conflict(fmt::format("a token of task `{}` opens sub-tasks of it only: `parent` is `{}`", *inside,
                                *task.parent));
  // Who is not inside the parent must be one who could end it, before anything is said about it.
  if (!inside)
    TRY(api_.allow_on(
        caller, kManage,
        object(parent, *task.parent,
               {ErrorCode::kInvalid, fmt::format("`parent`: there is no task `{}`", *task.parent)})));
  if (const auto live = parent->check_live(permit.time()); !live)
    return conflict("`parent`: " + live.error().message);
  if (const auto within = task::check_sub_task(task, parent->task()); !within)
    return std::unexpected(problem(within.error()));
  const auto parties = parties_of(permit.token().claims());
  for (const auto& agent : task.agents) {
    if (std::ranges::find(parties, agent) == parties.end()) TRY(check_edge(caller, permit, agent));
  }
  return {};
}

// Inventory and policy have to agree that work may go to this agent.
Answer<void> TasksApi::check_edge(const Caller& caller, const gateway::Permit& permit,
                                  const std::string& agent) const {
  const auto inventory = directory_.snapshot();
  const auto* to = inventory->find(agent);
  const auto* from = inventory->find(permit.token()->client_id);
  if (to == nullptr || from == nullptr)
    return conflict(fmt::format("`agents`: `{}` is not in the inventory any more", agent));
  const bool hands_on = (*from)->kind == inventory::Kind::kAgent;
  if (hands_on && !to->acts_for((*from)->id, (*from)->kind))
    return conflict(fmt::format("`agents`: agent `{}` may not act for agent `{}`", agent, (*from)->id));
  TRY(api_.allow(caller, kDelegate, {"Writ::Agent", agent},
                 [to](cedar::Arena&) { return to->attributes(); }));
  return {};
}

Answer<http::Response> TasksApi::list(const http::Request& request) const {
  const auto permit = TRY(api_.allow(request, kRead));
  const auto page = TRY(Page::of(request));
  auto list = codec::Json::array();
  std::string next;  // empty: nothing follows
  std::size_t examined = 0;
  auto last = page.after;
  for (auto some = tasks_.opened_before(last, kLookedUp); !some.empty() && next.empty();
       some = tasks_.opened_before(last, kLookedUp)) {
    for (const auto& live : some) {
      const auto& task = live->task();
      if (list.if_array()->size() == page.limit || examined == kMaxExamined) {
        next = Page::next(last->first, last->second);
        break;
      }
      ++examined;
      last.emplace(task.opened_at, task.id);
      if (api_.would_allow(request, kRead, {kType, task.id}, facts_of(task)))
        list.push(shown(*live, permit.time().latest));
    }
  }
  auto answer = codec::Json::object({{"tasks", std::move(list)}, {"more", !next.empty()}});
  if (!next.empty()) answer.set("next", next);
  return answer_json(200, answer);
}

Answer<std::pair<gateway::Permit, TasksApi::Live>> TasksApi::find(const http::Request& request,
                                                                  std::string_view action,
                                                                  const std::string& id) const {
  auto live = tasks_.find(id);
  auto permit = TRY(api_.allow_on(
      request, action, object(live, id, {ErrorCode::kNotFound, fmt::format("there is no task `{}`", id)})));
  return std::pair(std::move(permit), std::move(live));
}

Answer<http::Response> TasksApi::show(const http::Request& request, const std::string& id) const {
  const auto [permit, live] = TRY(find(request, kRead, id));
  return answer_json(200, shown(*live, permit.time().latest));
}

Answer<http::Response> TasksApi::narrow(const http::Request& request, const std::string& id) const {
  const auto [permit, live] = TRY(find(request, kManage, id));
  const auto json = TRY(read_json(request));
  // What would be refused is not recorded as done.
  const auto less = task::narrowed(live->task(), json, permit.time().earliest);
  if (!less) return std::unexpected(problem(less.error()));
  TRY(check_room((*live)->opened_by, *less));
  TRY(api_.record(permit, "task.narrowed", id, json.dump()));
  if (const auto done = tasks_.narrow(id, json, permit.time()); !done)
    return std::unexpected(problem(done.error()));
  return answer_json(200, shown(*live, permit.time().latest));
}

Answer<http::Response> TasksApi::approve(const http::Request& request, const std::string& id) const {
  const auto [permit, live] = TRY(find(request, kApprove, id));
  const auto person = TRY(person_of(permit.token().claims(), *directory_.snapshot()));
  // What would be refused is not recorded as done.
  if (const auto may = tasks_.check_approval(id, person.approver(), permit.time()); !may)
    return std::unexpected(problem(may.error()));
  TRY(api_.record(permit, "task.approved", id, person.user));
  if (const auto done = tasks_.approve(id, person.approver(), permit.time()); !done)
    return std::unexpected(problem(done.error()));
  return answer_json(200, shown(*live, permit.time().latest));
}

Answer<http::Response> TasksApi::deny(const http::Request& request, const std::string& id) const {
  const auto [permit, live] = TRY(find(request, kApprove, id));
  TRY(api_.record(permit, "task.denied", id, permit.token()->subject));
  if (const auto done = tasks_.deny(id, permit.time()); !done) return std::unexpected(problem(done.error()));
  return answer_json(200, shown(*live, permit.time().latest));
}

Answer<http::Response> TasksApi::act(const http::Request& request, const std::string& id,
                                     const Verb& verb) const {
  const auto [permit, live] = TRY(find(request, kManage, id));
  TRY(api_.record(permit, verb.event, id));
  if (const auto done = verb.act(tasks_, id, permit.time()); !done)
    return std::unexpected(problem(done.error()));
  return answer_json(200, shown(*live, permit.time().latest));
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
  TRY(endpoints.add("POST", "/v1/tasks/{id}/approve", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return approve(r, v[0]); })));
  TRY(endpoints.add("POST", "/v1/tasks/{id}/deny", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return deny(r, v[0]); })));
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
