#include "task/live_task.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::task {
namespace {

// One durable write for this many calls, so that it does not cost each of them.
std::int64_t block_size(std::int64_t max) {
  return std::clamp<std::int64_t>(max / 8, 8, 1024);
}

std::unexpected<Denial> deny(Reason reason, std::string message) {
  return std::unexpected(Denial{reason, std::move(message)});
}

bool same(const cedar::EntityUid& a, cedar::EntityRef b) {
  return b.id() == a.id && b.type() == a.type;
}

}  // namespace

LiveTask::LiveTask(Task task, State state, const std::vector<Reservation>& reserved, BudgetStore& store)
    : task_(std::move(task)), state_(state), store_(store) {
  const auto counter = [&](std::string name, std::int64_t max) {
    std::int64_t used = 0;
    for (const auto& each : reserved) {
      if (each.budget == name) used = std::min(each.amount, max);
    }
    return std::make_unique<Counter>(std::move(name), max, block_size(max), used, used);
  };
  if (task_.max_calls) calls_ = counter("", *task_.max_calls);
  for (const auto& budget : task_.action_budgets)
    by_action_.emplace_back(budget.action, counter(uid_text(budget.action), budget.calls));
}

std::int64_t LiveTask::used_calls() const noexcept {
  return calls_ ? std::min(calls_->used.load(std::memory_order_relaxed), calls_->max) : 0;
}

std::expected<void, Denial> LiveTask::check_live(Instant now) const {
  const State state = this->state();
  switch (state) {
    case State::kEnded:
      return deny(Reason::kTaskEnded, fmt::format("task `{}` was ended", task_.id));
    case State::kRevoked:
      return deny(Reason::kTaskRevoked, fmt::format("task `{}` was revoked", task_.id));
    case State::kSuspended:
    case State::kActive:
      break;
  }
  // What is over does not count as standing still.
  if (now < task_.not_before)
    return deny(Reason::kTaskNotStarted, fmt::format("task `{}` has not begun", task_.id));
  if (now >= task_.expires_at)
    return deny(Reason::kTaskExpired, fmt::format("task `{}` has expired", task_.id));
  if (state == State::kSuspended)
    return deny(Reason::kTaskSuspended, fmt::format("task `{}` is suspended", task_.id));
  return {};
}

std::expected<void, Denial> LiveTask::check_scope(cedar::EntityRef action, cedar::EntityRef resource) const {
  const bool action_known = std::any_of(task_.actions.begin(), task_.actions.end(),
                                        [&](const auto& each) { return same(each, action); });
  if (!action_known)
    return deny(Reason::kActionNotInTask,
                fmt::format("task `{}` does not include the action `{}`", task_.id, action.id()));
  const bool resource_known = std::any_of(task_.resources.begin(), task_.resources.end(),
                                          [&](const auto& pattern) { return pattern.matches(resource); });
  if (!resource_known)
    return deny(Reason::kResourceNotInTask,
                fmt::format("task `{}` does not include {}", task_.id, resource.to_string()));
  return {};
}

std::expected<void, Denial> LiveTask::check_purpose(std::optional<std::string_view> purpose) const {
  if (!purpose || *purpose == task_.purpose) return {};
  return deny(Reason::kPurposeMismatch,
              fmt::format("task `{}` is for `{}`, the token for `{}`", task_.id, task_.purpose, *purpose));
}

bool LiveTask::names_agent(std::string_view id) const noexcept {
  return std::find(task_.agents.begin(), task_.agents.end(), id) != task_.agents.end();
}

LiveTask::Counter* LiveTask::counter_for(cedar::EntityRef action) const {
  for (const auto& [uid, counter] : by_action_) {
    if (same(uid, action)) return counter.get();
  }
  return nullptr;
}

Denial LiveTask::exceeded(const Counter& counter) const {
  const auto of = counter.name.empty() ? std::string("calls") : fmt::format("calls of {}", counter.name);
  return {Reason::kBudgetExceeded,
          fmt::format("task `{}` has used all its {} {}", task_.id, counter.max, of)};
}

std::expected<void, Denial> LiveTask::check_budget(cedar::EntityRef action) const {
  for (const Counter* counter :
       {static_cast<const Counter*>(calls_.get()), static_cast<const Counter*>(counter_for(action))}) {
    if (counter != nullptr && counter->used.load(std::memory_order_relaxed) >= counter->max)
      return std::unexpected(exceeded(*counter));
  }
  return {};
}

Result<void> LiveTask::reserve_more(Counter& counter, std::int64_t needed) {
  const std::lock_guard lock(reserving_);
  const auto reserved = counter.reserved.load(std::memory_order_acquire);
  if (reserved >= needed) return {};  // another call was first
  const auto amount = std::min(counter.max, std::max(needed, reserved + counter.block));
  TRY(store_.reserve({task_.id, counter.name, amount}));
  counter.reserved.store(amount, std::memory_order_release);
  return {};
}

std::expected<void, Denial> LiveTask::take(Counter& counter) {
  auto used = counter.used.load(std::memory_order_relaxed);
  for (;;) {
    if (used >= counter.max) return std::unexpected(exceeded(counter));
    if (used >= counter.reserved.load(std::memory_order_acquire)) {
      if (auto done = reserve_more(counter, used + 1); !done)
        return deny(Reason::kIndeterminate, "the task's budget cannot be recorded: " + done.error().message);
      continue;
    }
    if (counter.used.compare_exchange_weak(used, used + 1, std::memory_order_acq_rel)) return {};
  }
}

std::expected<void, Denial> LiveTask::consume(cedar::EntityRef action, Instant now) {
  TRY(check_live(now));
  if (calls_) TRY(take(*calls_));
  if (Counter* counter = counter_for(action)) {
    auto taken = take(*counter);
    // Another call may be refused in between although this one gives back; none passes that should not.
    if (!taken && calls_) calls_->used.fetch_sub(1, std::memory_order_acq_rel);
    return taken;
  }
  return {};
}

Result<void> LiveTask::settle() {
  const auto one = [&](Counter& counter) -> Result<void> {
    const auto used = std::min(counter.used.load(), counter.max);
    if (used == counter.reserved.load()) return {};
    TRY(store_.settle({task_.id, counter.name, used}));
    counter.reserved.store(used);
    return {};
  };
  const std::lock_guard lock(reserving_);
  if (calls_) TRY(one(*calls_));
  for (auto& [uid, counter] : by_action_) TRY(one(*counter));
  return {};
}

}  // namespace writ::task
