#include "task/attenuation.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/members.h"

namespace writ::task {
namespace {

using codec::Json;
using codec::Members;

std::unexpected<Error> wider(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

bool covers(const ResourcePattern& outer, const ResourcePattern& inner) {
  return outer.type == inner.type && (!outer.id || outer.id == inner.id);
}

Result<void> check_scope(const Task& inner, const Task& outer) {
  for (const auto& action : inner.actions) {
    if (std::ranges::find(outer.actions, action) == outer.actions.end())
      return wider(fmt::format("`actions`: {} is not in task `{}`", uid_text(action), outer.id));
  }
  for (const auto& pattern : inner.resources) {
    if (std::ranges::none_of(outer.resources, [&](const auto& each) { return covers(each, pattern); }))
      return wider(fmt::format("`resources`: {} is not in task `{}`", pattern.text(), outer.id));
  }
  for (const auto& agent : inner.agents) {
    if (std::ranges::find(outer.agents, agent) == outer.agents.end())
      return wider(fmt::format("`agents`: task `{}` does not name `{}`", outer.id, agent));
  }
  return {};
}

// What a task has seen, whoever works for it has seen.
Result<void> check_labels(const Task& inner, const Task& outer) {
  for (const auto& label : outer.labels) {
    if (std::ranges::find(inner.labels, label) == inner.labels.end())
      return wider(fmt::format("`labels`: `{}` of task `{}` is missing", label, outer.id));
  }
  return {};
}

Result<void> check_window(const Task& inner, const Task& outer) {
  if (inner.not_before < outer.not_before)
    return wider(fmt::format("`not_before`: {} is before task `{}` begins, at {}",
                             unix_seconds(inner.not_before), outer.id, unix_seconds(outer.not_before)));
  if (inner.expires_at > outer.expires_at)
    return wider(fmt::format("`expires_at`: {} is after task `{}` ends, at {}",
                             unix_seconds(inner.expires_at), outer.id, unix_seconds(outer.expires_at)));
  return {};
}

template <class Number>
Result<void> check_less(std::string_view what, const Number& inner, const Number& outer, const Task& task) {
  if (inner <= outer) return {};
  return wider(fmt::format("`budget`: {} {} are more than the {} of task `{}`", inner, what, outer, task.id));
}

Result<void> check_budget(const Task& inner, const Task& outer) {
  if (inner.budget.calls && outer.budget.calls)
    TRY(check_less("calls", *inner.budget.calls, *outer.budget.calls, outer));
  for (const auto& mine : inner.budget.actions) {
    const auto theirs = std::ranges::find(outer.budget.actions, mine.action, &ActionCalls::action);
    if (theirs == outer.budget.actions.end()) continue;
    TRY(check_less(fmt::format("calls of {}", uid_text(mine.action)), mine.calls, theirs->calls, outer));
  }
  for (const Rate& mine : inner.budget.rates) {
    const auto theirs = std::ranges::find(outer.budget.rates, mine.seconds, &Rate::seconds);
    if (theirs == outer.budget.rates.end()) continue;
    TRY(check_less(fmt::format("calls per {} seconds", mine.seconds), mine.calls, theirs->calls, outer));
  }
  for (const auto& mine : inner.budget.amounts) {
    const auto theirs = std::ranges::find(outer.budget.amounts, mine.name, &AmountTotal::name);
    if (theirs == outer.budget.amounts.end() || mine.total <= theirs->total) continue;
    return wider(fmt::format("`budget`: {} of `{}` is more than the {} of task `{}`", mine.total.text(),
                             mine.name, theirs->total.text(), outer.id));
  }
  return {};
}

// What a budget does not mention stays as it was.
Budget merged(Budget given, const Budget& before, const std::vector<cedar::EntityUid>& actions) {
  if (!given.calls) given.calls = before.calls;
  for (const auto& each : before.actions) {
    const bool kept = std::ranges::find(actions, each.action) != actions.end();
    if (kept && std::ranges::find(given.actions, each.action, &ActionCalls::action) == given.actions.end())
      given.actions.push_back(each);
  }
  for (const auto& each : before.rates) {
    if (std::ranges::find(given.rates, each.seconds, &Rate::seconds) == given.rates.end())
      given.rates.push_back(each);
  }
  for (const auto& each : before.amounts) {
    if (std::ranges::find(given.amounts, each.name, &AmountTotal::name) == given.amounts.end())
      given.amounts.push_back(each);
  }
  return given;
}

Result<void> narrow_scope(const Members& members, Task& task) {
  if (members.find("actions") != nullptr) task.actions = TRY(read_actions(members));
  if (members.find("resources") != nullptr) task.resources = TRY(read_resources(members));
  if (members.find("agents") == nullptr) return {};
  task.agents = TRY(members.texts("agents", kMaxAgents));
  if (task.agents.empty() && !task.client)
    return members.wrong("agents", "is empty, and the task names no client: nobody could use it");
  return {};
}

Result<void> narrow_window(const Members& members, Task& task, Instant now) {
  const auto until = TRY(read_expiry(members, now, now));
  if (until) task.expires_at = *until;
  if (task.expires_at > task.not_before) return {};
  return wider(fmt::format("`expires_at`: {} is before the task begins, at {}; end the task instead",
                           unix_seconds(task.expires_at), unix_seconds(task.not_before)));
}

// What the parent leaves open a sub-task may fix.
Result<void> check_same(std::string_view what, const std::optional<std::string>& inner,
                        const std::optional<std::string>& outer, const Task& parent) {
  if (!outer || inner == outer) return {};
  return wider(fmt::format("`{}`: task `{}` has `{}`, its sub-task {}", what, parent.id, *outer,
                           inner ? fmt::format("has `{}`", *inner) : "has none"));
}

}  // namespace

void inherit(Task& sub_task, const Task& parent) {
  for (const auto fact : {&Task::subject, &Task::client, &Task::tenant, &Task::environment}) {
    if (!(sub_task.*fact)) sub_task.*fact = parent.*fact;
  }
}

Result<void> check_sub_task(const Task& sub_task, const Task& parent) {
  TRY(check_same("purpose", sub_task.purpose, parent.purpose, parent));
  TRY(check_same("client", sub_task.client, parent.client, parent));
  TRY(check_same("tenant", sub_task.tenant, parent.tenant, parent));
  TRY(check_same("environment", sub_task.environment, parent.environment, parent));
  if (sub_task.subject != parent.subject)
    return wider(fmt::format("`subject`: the sub-task of `{}` must be for the same user", parent.id));
  return check_within(sub_task, parent);
}

Result<void> check_within(const Task& inner, const Task& outer) {
  TRY(check_scope(inner, outer));
  TRY(check_window(inner, outer));
  TRY(check_labels(inner, outer));
  return check_budget(inner, outer);
}

Result<Task> narrowed(const Task& task, const Json& json, Instant now) {
  const auto members =
      TRY(Members::of(json, "the narrowing",
                      {"actions", "resources", "agents", "expires_at", "expires_in_seconds", "budget"}));
  const auto says_nothing = [](const auto& member) {
    return member.first == "budget" && member.second.is_object() && member.second.if_object()->empty();
  };
  if (std::ranges::all_of(*json.if_object(), says_nothing))
    return wider(
        "the request names nothing to narrow: it says what stays of `actions`, `resources` or `agents`, an "
        "earlier `expires_at` or `expires_in_seconds`, or a smaller `budget`");
  Task less = task;
  TRY(narrow_scope(members, less));
  TRY(narrow_window(members, less, now));
  less.budget =
      merged(TRY(budget_from_json(members.find("budget"), less.actions)), task.budget, less.actions);
  TRY(check_within(less, task));
  return less;
}

}  // namespace writ::task
