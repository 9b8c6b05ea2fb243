#include "control/tasks.h"

#include <algorithm>
#include <fmt/format.h>

#include "context/context.h"
#include "control/people.h"
#include "crypto/random.h"
#include "task/attenuation.h"
#include "token/came_from.h"

namespace writ::control {
namespace {

constexpr std::string_view kTaskType = "Writ::Task";
constexpr std::string_view kManageTasks = "manage-tasks";
constexpr std::string_view kRequest = "request-tasks";
constexpr std::string_view kApproveTasks = "approve-tasks";
constexpr std::string_view kDelegate = "delegate";
constexpr std::string_view kReadTasks = "read-tasks";
constexpr std::size_t kTasksLookedUp = 256;  // tasks at a time, for a page

auto facts_of(const task::Task& task) {
  return [&task](cedar::Arena& arena) { return context::task_attributes(arena, task); };
}

Authority::Object object(const std::shared_ptr<task::LiveTask>& live, std::string_view id, Error absent) {
  if (live == nullptr)
    return {{kTaskType, id}, {}, kReadTasks, Authority::Presence::kAbsent, std::move(absent)};
  return {
      {kTaskType, id}, facts_of(live->task()), kReadTasks, Authority::Presence::kThere, std::move(absent)};
}

bool has_action(const inventory::Snapshot& inventory, const cedar::EntityUid& action) {
  return std::ranges::any_of(inventory.apis(), [&](const inventory::Api* api) {
    return api->action_type() == action.type &&
           std::ranges::find(api->actions, action.id) != api->actions.end();
  });
}

}  // namespace

// A task that names what is not there would be refused at every request, and nobody would know why.
Result<void> Tasks::check_names(const task::Task& task) const {
  const auto in_force = current_.get();
  const auto& inventory = in_force->inventory;
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
  const auto& policies = in_force->policies;
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
Answer<Tasks::Seen> Tasks::open(const Caller& caller, const codec::Json& json) const {
  auto task = task::task_from_request(json, authority_.now().earliest);
  if (!task) return std::unexpected(Failure(std::move(task).error()));
  task->id = "t-" + crypto::random_id();
  // What a parent would hand down is told to nobody who may not know that it is there.
  const auto parent = task->parent ? tasks_.find(*task->parent) : nullptr;
  if (parent != nullptr && may_know(caller, *parent)) task::inherit(*task, parent->task());
  const enforce::EntityName name{kTaskType, task->id};
  const auto would = [&](std::string_view action) {
    return authority_.would_allow(caller, action, name, facts_of(*task));
  };
  const bool at_once = task->approvals.needed == 0 && would(kManageTasks);
  if (!at_once) task->approvals.needed = std::max<std::int64_t>(task->approvals.needed, 1);
  const auto action = at_once || !would(kRequest) ? kManageTasks : kRequest;
  const auto permit = TRY(authority_.allow(caller, action, name, facts_of(*task)));
  TRY(check_names(*task));
  task->opened_by = permit.token()->client_id;
  task->requested_by = parties_of(permit.token().claims());
  task->came_from = token::of_providers(permit.token()->exchanged_from);
  // A task of somebody's stays in their tenant.
  if (!task->tenant) task->tenant = permit.tenant();
  TRY(check_parent(caller, permit, *task));
  TRY(check_room(task->opened_by, *task));
  TRY(authority_.record(permit, at_once ? "task.opened" : "task.requested", task->id,
                        task::task_record(*task)));
  auto live = TRY(tasks_.open(*std::move(task), at_once ? task::State::kActive : task::State::kRequested));
  return Seen{std::move(live), authority_.now().latest};
}

void Tasks::abandon(std::string_view id, std::string_view client, std::string_view request_id) const {
  const audit::Event ended{.type = "task.ended",
                           .actor = client,
                           .object = id,
                           .detail = "no token was issued for it",
                           .request_id = request_id};
  if (authority_.record(ended)) (void)tasks_.end(id);
}

bool Tasks::may_know(const Caller& caller, const task::LiveTask& parent) const {
  const auto token = authority_.token_of(caller);
  if (token && (*token)->task && parent.within(*(*token)->task)) return true;
  return authority_.would_allow(caller, kManageTasks, {kTaskType, parent->id}, facts_of(parent.task()));
}

Answer<void> Tasks::check_room(const std::string& client, const task::Task& task) const {
  auto full = TRY(tasks_.make_room(client, task, authority_.clock()));
  if (full) return std::unexpected(Failure(*std::move(full)));
  return {};
}

Answer<void> Tasks::check_parent(const Caller& caller, const enforce::Permit& permit,
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
    TRY(authority_.allow_on(
        caller, kManageTasks,
        object(parent, *task.parent,
               {ErrorCode::kInvalid, fmt::format("`parent`: there is no task `{}`", *task.parent)})));
  if (const auto live = parent->check_live(permit.time()); !live)
    return conflict("`parent`: " + live.error().message);
  TRY(task::check_sub_task(task, parent->task()));
  const auto parties = parties_of(permit.token().claims());
  for (const auto& agent : task.agents) {
    if (std::ranges::find(parties, agent) == parties.end()) TRY(check_edge(caller, permit, agent));
  }
  return {};
}

// Inventory and policy have to agree that work may go to this agent.
Answer<void> Tasks::check_edge(const Caller& caller, const enforce::Permit& permit,
                               const std::string& agent) const {
  const auto inventory = current_.get()->inventory;
  const auto* to = inventory->find(agent);
  const auto* from = inventory->find(permit.token()->client_id);
  if (to == nullptr || from == nullptr)
    return conflict(fmt::format("`agents`: `{}` is not in the inventory any more", agent));
  const bool hands_on = (*from)->kind == inventory::Kind::kAgent;
  if (hands_on && !to->acts_for((*from)->id, (*from)->kind))
    return conflict(fmt::format("`agents`: agent `{}` may not act for agent `{}`", agent, (*from)->id));
  TRY(authority_.allow(caller, kDelegate, {"Writ::Agent", agent},
                       [to](cedar::Arena&) { return to->attributes(); }));
  return {};
}

Answer<Tasks::Listed> Tasks::list(const Caller& caller, const Page& page) const {
  const auto permit = TRY(authority_.allow(caller, kReadTasks));
  const auto more = [&](const auto& last) { return tasks_.opened_before(last, kTasksLookedUp); };
  const auto place_of = [](const Live& live) { return Page::Place((*live)->opened_at, (*live)->id); };
  const auto may_see = [&](const Live& live) {
    return authority_.would_allow(caller, kReadTasks, {kTaskType, (*live)->id}, facts_of(live->task()));
  };
  return fill<Live>(page, permit.time().latest, more, place_of, may_see);
}

Answer<std::pair<enforce::Permit, Tasks::Live>> Tasks::find(const Caller& caller, std::string_view action,
                                                            const std::string& id, Stops stops) const {
  auto live = tasks_.find(id);
  auto absent = Error{ErrorCode::kNotFound, fmt::format("there is no task `{}`", id)};
  auto permit = TRY(authority_.allow_on(caller, action, object(live, id, std::move(absent)), stops));
  return std::pair(std::move(permit), std::move(live));
}

Answer<Tasks::Seen> Tasks::show(const Caller& caller, const std::string& id) const {
  auto [permit, live] = TRY(find(caller, kReadTasks, id));
  return Seen{std::move(live), permit.time().latest};
}

Answer<Tasks::Seen> Tasks::narrow(const Caller& caller, const std::string& id,
                                  const codec::Json& less) const {
  auto [permit, live] = TRY(find(caller, kManageTasks, id, Stops::kYes));
  // What would be refused is not recorded as done.
  const auto narrowed = TRY(task::narrowed(live->task(), less, permit.time().earliest));
  TRY(check_room((*live)->opened_by, narrowed));
  TRY(authority_.record(permit, "task.narrowed", id, less.dump(), Stops::kYes));
  TRY(tasks_.narrow(id, less, permit.time()));
  return Seen{std::move(live), permit.time().latest};
}

Answer<Tasks::Seen> Tasks::approve(const Caller& caller, const std::string& id) const {
  auto [permit, live] = TRY(find(caller, kApproveTasks, id));
  const auto person = TRY(person_of(permit.token().claims(), *current_.get()->inventory));
  // What would be refused is not recorded as done.
  TRY(tasks_.check_approval(id, person.approver(), permit.time()));
  TRY(authority_.record(permit, "task.approved", id, person.user));
  TRY(tasks_.approve(id, person.approver(), permit.time()));
  return Seen{std::move(live), permit.time().latest};
}

Answer<Tasks::Seen> Tasks::deny(const Caller& caller, const std::string& id) const {
  auto [permit, live] = TRY(find(caller, kApproveTasks, id, Stops::kYes));
  TRY(authority_.record(permit, "task.denied", id, permit.token()->subject, Stops::kYes));
  TRY(tasks_.deny(id, permit.time()));
  return Seen{std::move(live), permit.time().latest};
}

Answer<Tasks::Seen> Tasks::act(const Caller& caller, const std::string& id, const Verb& verb,
                               std::string_view action) const {
  auto [permit, live] = TRY(find(caller, action, id, verb.stops));
  TRY(authority_.record(permit, verb.event, id, {}, verb.stops));
  TRY(verb.act(tasks_, id, permit.time()));
  return Seen{std::move(live), permit.time().latest};
}

bool Tasks::asked_for(const Caller& caller, const task::LiveTask& live) const {
  const auto token = authority_.token_of(caller);
  return token && live->opened_by == (*token)->client_id && live->requested_by == parties_of(token->claims());
}

Answer<Tasks::Seen> Tasks::suspend(const Caller& caller, const std::string& id) const {
  constexpr auto kAct = [](task::Registry& tasks, std::string_view task, Times now) {
    return tasks.suspend(task, now);
  };
  return act(caller, id, {"task.suspended", Stops::kYes, kAct}, kManageTasks);
}

Answer<Tasks::Seen> Tasks::resume(const Caller& caller, const std::string& id) const {
  constexpr auto kAct = [](task::Registry& tasks, std::string_view task, Times now) {
    return tasks.resume(task, now);
  };
  return act(caller, id, {"task.resumed", Stops::kNo, kAct}, kManageTasks);
}

Answer<Tasks::Seen> Tasks::end(const Caller& caller, const std::string& id) const {
  constexpr auto kAct = [](task::Registry& tasks, std::string_view task, Times) { return tasks.end(task); };
  const auto live = tasks_.find(id);
  const bool manages = live == nullptr ||
                       authority_.would_allow(caller, kManageTasks, {kTaskType, id}, facts_of(live->task()));
  const auto action = !manages && asked_for(caller, *live) ? kRequest : kManageTasks;
  return act(caller, id, {"task.ended", Stops::kYes, kAct}, action);
}

Answer<Tasks::Seen> Tasks::revoke(const Caller& caller, const std::string& id) const {
  constexpr auto kAct = [](task::Registry& tasks, std::string_view task, Times) {
    return tasks.revoke(task);
  };
  return act(caller, id, {"task.revoked", Stops::kYes, kAct}, kManageTasks);
}

}  // namespace writ::control
