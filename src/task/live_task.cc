#include "task/live_task.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace writ::task {
namespace {

std::unexpected<Denial> deny(Reason reason, std::string message) {
  return std::unexpected(Denial{reason, std::move(message)});
}

bool same(const cedar::EntityUid& a, cedar::EntityRef b) {
  return b.id() == a.id && b.type() == a.type;
}

std::int64_t reserved_of(std::string_view budget, const std::vector<Reservation>& reserved) {
  const auto found = std::ranges::find(reserved, budget, &Reservation::budget);
  return found == reserved.end() ? 0 : found->amount;
}

}  // namespace

LiveTask::LiveTask(Task task, State state, const std::vector<Reservation>& reserved, BudgetStore& store)
    : store_(store), state_(state), current_(nullptr) {
  add_version(std::move(task), reserved);
}

// The one of that name, lowered, or a new one.
Counter* LiveTask::counter(std::string name, std::int64_t max, const std::vector<Reservation>& reserved) {
  for (const auto& each : counters_) {
    if (each->name() != name) continue;
    each->lower(max);
    return each.get();
  }
  const auto used = reserved_of(name, reserved);
  return counters_.emplace_back(std::make_unique<Counter>(std::move(name), max, used)).get();
}

void LiveTask::add_version(Task task, const std::vector<Reservation>& reserved) {
  auto version = std::make_unique<Version>(std::move(task));
  const Budget& budget = version->task.budget;
  if (budget.calls) version->calls = counter("", *budget.calls, reserved);
  for (const auto& each : budget.actions)
    version->by_action.emplace_back(each.action, counter(uid_text(each.action), each.calls, reserved));
  current_.store(versions_.emplace_back(std::move(version)).get(), std::memory_order_release);
}

void LiveTask::set_state(State state) {
  const std::lock_guard lock(lock_);
  state_.store(state, std::memory_order_release);
}

void LiveTask::replace(Task narrower) {
  const std::lock_guard lock(lock_);
  add_version(std::move(narrower), {});
}

std::int64_t LiveTask::used_calls() const noexcept {
  const Counter* calls = current_.load(std::memory_order_acquire)->calls;
  return calls != nullptr ? calls->used() : 0;
}

std::expected<void, Denial> LiveTask::check_live(Instant now) const {
  const State state = this->state();
  const Task& task = this->task();
  switch (state) {
    case State::kEnded:
      return deny(Reason::kTaskEnded, fmt::format("task `{}` was ended", task.id));
    case State::kRevoked:
      return deny(Reason::kTaskRevoked, fmt::format("task `{}` was revoked", task.id));
    case State::kSuspended:
    case State::kActive:
      break;
  }
  // What is over does not count as standing still.
  if (now < task.not_before)
    return deny(Reason::kTaskNotStarted, fmt::format("task `{}` has not begun", task.id));
  if (now >= task.expires_at)
    return deny(Reason::kTaskExpired, fmt::format("task `{}` has expired", task.id));
  if (state == State::kSuspended)
    return deny(Reason::kTaskSuspended, fmt::format("task `{}` is suspended", task.id));
  return {};
}

std::expected<void, Denial> LiveTask::check_scope(cedar::EntityRef action, cedar::EntityRef resource) const {
  const Task& task = this->task();
  const bool action_known = std::any_of(task.actions.begin(), task.actions.end(),
                                        [&](const auto& each) { return same(each, action); });
  if (!action_known)
    return deny(Reason::kActionNotInTask,
                fmt::format("task `{}` does not include the action `{}`", task.id, action.id()));
  const bool resource_known = std::any_of(task.resources.begin(), task.resources.end(),
                                          [&](const auto& pattern) { return pattern.matches(resource); });
  if (!resource_known)
    return deny(Reason::kResourceNotInTask,
                fmt::format("task `{}` does not include {}", task.id, resource.to_string()));
  return {};
}

std::expected<void, Denial> LiveTask::check_purpose(std::optional<std::string_view> purpose) const {
  const Task& task = this->task();
  if (!purpose || *purpose == task.purpose) return {};
  return deny(Reason::kPurposeMismatch,
              fmt::format("task `{}` is for `{}`, the token for `{}`", task.id, task.purpose, *purpose));
}

bool LiveTask::names_agent(std::string_view id) const noexcept {
  const Task& task = this->task();
  return std::ranges::find(task.agents, id) != task.agents.end();
}

Counter* LiveTask::Version::for_action(cedar::EntityRef action) const noexcept {
  for (const auto& [uid, counter] : by_action) {
    if (same(uid, action)) return counter;
  }
  return nullptr;
}

Denial LiveTask::exceeded(const Counter& counter) const {
  const auto of = counter.name().empty() ? std::string("calls") : fmt::format("calls of {}", counter.name());
  return {Reason::kBudgetExceeded,
          fmt::format("task `{}` has used all its {} {}", task().id, counter.max(), of)};
}

std::expected<void, Denial> LiveTask::check_budget(cedar::EntityRef action) const {
  const Version& version = *current_.load(std::memory_order_acquire);
  for (const Counter* counter : {version.calls, version.for_action(action)}) {
    if (counter != nullptr && !counter->has(1)) return std::unexpected(exceeded(*counter));
  }
  return {};
}

std::expected<void, Denial> LiveTask::consume(const Use& use) {
  const std::lock_guard lock(lock_);
  TRY(check_live(use.now));
  TRY(check_scope(use.action, use.resource));
  TRY(check_budget(use.action));
  const Version& version = *current_.load(std::memory_order_relaxed);
  const std::array counters{version.calls, version.for_action(use.action)};
  for (Counter* counter : counters) {
    if (counter == nullptr) continue;
    if (const auto done = counter->reserve(1, version.task.id, store_); !done)
      return deny(Reason::kIndeterminate, "the task's budget cannot be recorded: " + done.error().message);
  }
  for (Counter* counter : counters) {
    if (counter != nullptr) counter->take(1);
  }
  return {};
}

Result<void> LiveTask::settle() {
  const std::lock_guard lock(lock_);
  for (const auto& counter : counters_) TRY(counter->settle(task().id, store_));
  return {};
}

}  // namespace writ::task
