// LiveTask: a task while it lives: its state, what is left of its budgets, and the labels it has earned.
//
// The checks are pure questions for the guards and take no lock. consume() is one step: it asks again, under
// the task's lock, what could have changed since, and takes from all budgets or from none. So of N parallel
// calls against a budget of K exactly K pass, and a call that began after a change was acknowledged has seen
// it. Thread-safe.
//
// A sub-task asks its parent, and so on to the root, at every use: what these have lost it has lost, and what
// it uses counts in their budgets too.
//
// A label is durable, and every later decision sees it, before the call passes that earns it: what the call
// brings back cannot reach anybody whom the label would have stopped. Labels are never taken away.
//
// try_consume() never waits, and holds its locks only while it works in memory. When something has to be on
// disk first, it takes nothing and says what. The caller has it written, calls wrote(), and tries again.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <expected>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "base/times.h"
#include "task/counter.h"
#include "task/rate.h"
#include "task/task.h"
#include "task/write.h"

namespace writ::task {

// Tasks from one that has no parent to its deepest sub-task.
inline constexpr std::size_t kMaxTaskDepth = 4;

// What a live task writes down. Thread-safe; every function is durable when it returns.
class UseStore : public BudgetStore {
 public:
  // Adds them to what the task has; nothing takes them away.
  virtual Result<void> save_labels(std::string_view task, const std::vector<std::string>& labels) = 0;
};

class LiveTask {
 public:
  // `reserved` is what an earlier process reserved, and so may have used; the store must outlive it.
  LiveTask(Task task, State state, const std::vector<Reservation>& reserved, UseStore& store,
           std::shared_ptr<LiveTask> parent = nullptr);

  // As it is now. The reference is good for the life of this object; a later call may give a narrower task.
  const Task& task() const noexcept { return current_.load(std::memory_order_acquire)->task; }
  const Task* operator->() const noexcept { return &task(); }
  State state() const noexcept { return state_.load(std::memory_order_acquire); }
  // What it is worth: suspended or over as soon as an ancestor is.
  State standing() const noexcept;
  // Null: it is not a sub-task.
  const std::shared_ptr<LiveTask>& parent() const noexcept { return parent_; }
  // Is it that task, or below it?
  bool within(std::string_view id) const noexcept;
  std::size_t depth() const noexcept;  // 1: no parent
  // Its own and those of its ancestors, each once.
  std::vector<std::string> labels() const;
  std::int64_t used_calls() const noexcept;

  // task_not_started, task_expired, task_ended, task_revoked, task_suspended, approval_required.
  std::expected<void, Denial> check_live(Times now) const;
  // action_not_in_task, resource_not_in_task.
  std::expected<void, Denial> check_scope(cedar::EntityRef action, cedar::EntityRef resource) const;
  // purpose_mismatch, when the request names another purpose.
  std::expected<void, Denial> check_purpose(std::optional<std::string_view> purpose) const;
  bool names_agent(std::string_view id) const noexcept;

  // One call.
  struct Use {
    cedar::EntityRef action;
    cedar::EntityRef resource;
    Times now;
    std::span<const NamedAmount> amounts = {};      // what it spends, each name once
    std::span<const std::string_view> labels = {};  // what the task earns by it
    // Rates give back by the earlier reading, so that a clock that is set gives nothing back.
    Instant counted() const noexcept { return now.earliest; }
  };
  // budget_exceeded, when less is left than it takes; amount_unknown, when the task has a budget for an
  // amount that the call does not tell. Nothing is consumed.
  std::expected<void, Denial> check_budget(const Use& use) const;
  struct Attempt {
    bool taken;
    // Not taken: what has to be on disk before. Taken: what had better be there before the next calls come.
    std::unique_ptr<Write> write;
  };
  // Takes it from the budgets, if the task is live and includes it, the budgets allow it, and it bears the
  // labels. What is to be written is told to wrote() afterwards, whatever came of it.
  std::expected<Attempt, Denial> try_consume(const Use& use);
  void wrote(const Write& write, bool done);
  // The same for callers that may wait. Indeterminate when it cannot be written.
  std::expected<void, Denial> consume(const Use& use);
  // What is used of each of its budgets: {"calls": 3, "amounts": {"credited": 20.5}}.
  codec::Json used(Instant now) const;

 private:
  friend class Registry;
  // The task from one narrowing, or label, to the next. Immutable.
  struct Version {
    explicit Version(Task of) : task(std::move(of)) {}
    Task task;
    Counter* calls = nullptr;  // null: unlimited
    std::vector<std::pair<cedar::EntityUid, Counter*>> by_action;
    std::vector<std::pair<std::string, Counter*>> amounts;  // of ten-thousandths
    std::vector<RateWindow*> rates;

    Counter* for_action(cedar::EntityRef action) const noexcept;
    template <class Visit>
    void for_each_counter(const Use& use, Visit visit) const;
  };

  // Called by the registry, one at a time, after what they change is durable.
  void set_state(State state);
  void replace(Task narrower);
  void set_approved(Task task, State state);
  std::size_t narrowings() const noexcept { return narrowings_; }
  // Of all that it was, as far as it is kept for those that may still look at it.
  std::size_t bytes() const;
  // Nobody looks at it any more.
  void keep_current_only();
  // Gives back what was reserved and not used; for an orderly end of the process.
  Result<void> settle();

  void add_version(Task task, const std::vector<Reservation>& reserved);
  Counter* counter(std::string name, std::int64_t max, std::int64_t block,
                   const std::vector<Reservation>& reserved);
  RateWindow* window(const Rate& rate, const std::vector<Reservation>& reserved);
  // From the root down.
  struct Line {
    std::array<LiveTask*, kMaxTaskDepth> tasks;
    std::size_t depth;
    std::span<LiveTask* const> all() const noexcept { return {tasks.data(), depth}; }
  };
  Line line() noexcept;
  // With the locks of the line held.
  std::expected<void, Denial> ask_for_labels(std::span<const std::string_view> labels,
                                             std::unique_ptr<Write>& write) const;
  void add_labels(const std::vector<std::string>& labels);
  template <class Wanted, class WantedTime>
  void ask(const Use& use, Wanted wanted, WantedTime wanted_time, std::unique_ptr<Write>& write);
  void ask_for_missing(const Use& use, std::unique_ptr<Write>& write);
  void ask_for_next(const Use& use, std::unique_ptr<Write>& write);
  void reserved(const Reservation& reservation, bool done) noexcept;
  void make_room();
  void take(const Use& use) noexcept;
  // Of itself, without its ancestors.
  std::expected<void, Denial> own_life(Times now) const;
  std::expected<void, Denial> own_scope(cedar::EntityRef action, cedar::EntityRef resource) const;
  std::expected<void, Denial> own_budget(const Use& use) const;

  const std::shared_ptr<LiveTask> parent_;
  UseStore& store_;
  mutable std::mutex lock_;  // of everything below, but what is atomic may be read without it
  std::atomic<State> state_;
  std::vector<std::unique_ptr<Counter>> counters_;
  std::vector<std::unique_ptr<RateWindow>> windows_;
  std::vector<std::unique_ptr<const Version>> versions_;
  std::atomic<const Version*> current_;
  std::size_t narrowings_ = 0;               // the registry's
  std::optional<Duration> over_since_ = {};  // likewise: of the machine's running, when it was found over
};

}  // namespace writ::task
