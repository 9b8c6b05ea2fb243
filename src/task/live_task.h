// LiveTask: a task while it lives: its state and what is left of its budgets.
//
// The checks are pure questions for the guards. consume() is atomic: of N parallel calls against a budget of
// K exactly K pass. Budgets are counted in memory in blocks that were reserved in the store beforehand, so a
// crash may lose what was reserved and not used, and never grants more. Thread-safe.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "task/task.h"

namespace writ::task {

// What the store knows of a budget: how much of it may have been used.
struct Reservation {
  std::string task;
  std::string budget;  // "" for all calls, else the action's text
  std::int64_t amount;
};

class BudgetStore {
 public:
  virtual ~BudgetStore() = default;
  // Never lowers what is reserved. Durable when it returns.
  virtual Result<void> reserve(const Reservation& reservation) = 0;
  // Lowers what is reserved to what was used, when no call can follow.
  virtual Result<void> settle(const Reservation& used) = 0;
};

class LiveTask {
 public:
  // `reserved` is what an earlier process reserved, and so may have used; the store must outlive it.
  LiveTask(Task task, State state, const std::vector<Reservation>& reserved, BudgetStore& store);

  const Task& task() const noexcept { return task_; }
  const Task* operator->() const noexcept { return &task_; }
  State state() const noexcept { return state_.load(std::memory_order_acquire); }
  std::int64_t used_calls() const noexcept;

  // task_not_started, task_expired, task_ended, task_revoked, task_suspended.
  std::expected<void, Denial> check_live(Instant now) const;
  // action_not_in_task, resource_not_in_task.
  std::expected<void, Denial> check_scope(cedar::EntityRef action, cedar::EntityRef resource) const;
  // purpose_mismatch, when the request names another purpose.
  std::expected<void, Denial> check_purpose(std::optional<std::string_view> purpose) const;
  // budget_exceeded, when nothing is left; nothing is consumed.
  std::expected<void, Denial> check_budget(cedar::EntityRef action) const;
  bool names_agent(std::string_view id) const noexcept;

  // Takes one call, if the task is live and its budgets allow it.
  std::expected<void, Denial> consume(cedar::EntityRef action, Instant now);

 private:
  friend class Registry;
  struct Counter {
    std::string name;  // "" for all calls
    std::int64_t max;
    std::int64_t block;
    std::atomic<std::int64_t> used;
    std::atomic<std::int64_t> reserved;
  };

  void set_state(State state) noexcept { state_.store(state, std::memory_order_release); }
  Counter* counter_for(cedar::EntityRef action) const;
  std::expected<void, Denial> take(Counter& counter);
  Result<void> reserve_more(Counter& counter, std::int64_t needed);
  Denial exceeded(const Counter& counter) const;
  // Gives back what was reserved and not used; for an orderly end of the process.
  Result<void> settle();

  const Task task_;
  std::atomic<State> state_;
  BudgetStore& store_;
  std::mutex reserving_;
  std::unique_ptr<Counter> calls_;  // null: unlimited
  std::vector<std::pair<cedar::EntityUid, std::unique_ptr<Counter>>> by_action_;
};

}  // namespace writ::task
