// Registry: all tasks, by id. A change is durable before it is acknowledged, and acts on the very next
// decision.
//
// Everything that is kept has an end. Each client has so many tasks and so many bytes: what is over makes
// room for what is opened, and while nothing is over no more is opened. What has been over for long enough is
// forgotten. A task that is not there refuses as one that is over does, so forgetting revives nothing, and an
// id is never given twice.
//
// Thread-safe. find() takes a shared lock on one of many shards for the time of a look-up; what changes tasks
// waits for the store, and is not for event loops.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/times.h"
#include "task/live_task.h"

namespace writ::task {

struct StoredTask {
  Task task;
  State state;
  std::vector<Reservation> reserved;
  std::vector<std::string> labels;  // that it earned
};

// Implemented by store. Thread-safe; every function is durable when it returns.
class Store : public UseStore {
 public:
  virtual Result<std::vector<StoredTask>> load_tasks() = 0;
  // kConflict when there is a task of that id.
  virtual Result<void> save_task(const Task& task, State state) = 0;
  // Not out of kRequested, but to an end.
  virtual Result<void> save_state(std::string_view id, State state) = 0;
  // In place of the task of that id, unless it is over (kConflict).
  virtual Result<void> save_narrowed(const Task& task) = 0;
  // The task with one approval more, and its state: kRequested, or kActive with the last. kConflict when it
  // is requested no longer.
  virtual Result<void> save_approved(const Task& task, State state) = 0;
  // With all that belongs to them. All or none; what is not there is left alone.
  virtual Result<void> forget_tasks(std::span<const std::string> ids) = 0;
};

struct TaskLimits {
  std::size_t per_client = 10'000;  // live or over, of the client that opened them
  std::size_t bytes_per_client = 16 << 20;
  std::size_t scope_bytes = 256 << 10;    // of one task
  std::size_t narrowings = 64;            // of one task
  std::size_t opened_per_minute = 3'000;  // by one client
  Duration forget_after = std::chrono::hours(24);
};

// Why there is no room, and when there may be.
struct NoRoom {
  std::string why;
  std::chrono::seconds retry_after;
};

// Who says yes to a task that is asked for.
struct Approver {
  std::string_view user;
  std::vector<std::string_view> through;  // the other parties to the approval's request
};

class Registry {
 public:
  // The store must outlive it, and every task it hands out.
  explicit Registry(Store& store, TaskLimits limits = {}) : store_(store), limits_(limits) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();
  // With a state of kRequested it waits for its approvals. A sub-task's parent is there and lives
  // (kConflict), and the sub-task is within it (kInvalid) and not too deep (kLimit).
  Result<std::shared_ptr<LiveTask>> open(Task task, State state = State::kActive);
  // Whether this client may open that task now, or keep one that is narrowed to it. What is over may be
  // forgotten for it. kLimit, when the task alone is too large.
  Result<std::optional<NoRoom>> make_room(std::string_view client, const Task& task, const Clock& clock);
  // Null when unknown.
  std::shared_ptr<LiveTask> find(std::string_view id) const;
  // kNotFound; kConflict when it was ended or revoked already. Nothing brings a task back.
  Result<void> end(std::string_view id) { return finish(id, State::kEnded); }
  Result<void> revoke(std::string_view id) { return finish(id, State::kRevoked); }
  // One more of the approvals that the task needs; the last makes it active. Nobody approves what they asked
  // for themselves, or twice, or take part in (kConflict, as when it is requested no longer, or has lapsed).
  Result<void> approve(std::string_view id, const Approver& approver, Times now);
  // Whether approve() would be refused.
  Result<void> check_approval(std::string_view id, const Approver& approver, Times now) const;
  // One `no` is enough.
  Result<void> deny(std::string_view id, Times now);
  // A stop that is not an end. Only what is suspended and not over (kConflict) can be resumed.
  Result<void> suspend(std::string_view id, Times now);
  Result<void> resume(std::string_view id, Times now);
  // Takes from it what `json` says (task/attenuation.h), from the next call on. kInvalid when anything would
  // be wider; kConflict when it is over; kLimit when it was narrowed too often.
  Result<void> narrow(std::string_view id, const codec::Json& json, Times now);
  // In the order of their opening.
  std::vector<std::shared_ptr<LiveTask>> all() const;
  // When a task was opened, and its id.
  using Place = std::pair<Instant, std::string>;
  // The newest first: so many of those that come before a place in the order of their opening; absent: of
  // all. Looks at no others.
  std::vector<std::shared_ptr<LiveTask>> opened_before(const std::optional<Place>& place,
                                                       std::size_t count) const;
  std::size_t size() const;
  std::size_t bytes() const;
  // Forgets what has been over for long, by a clock that was not set ahead and by how long the machine has
  // run since it was found so; and earlier versions of narrowed tasks that no request uses. How many were
  // forgotten.
  Result<std::size_t> tidy(const Clock& clock);
  // Writes down what of the reserved budgets was used, for an orderly end of the process. No call may be
  // consumed afterwards.
  Result<void> settle();

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<LiveTask>, Hash, std::equal_to<>> tasks;
  };
  static constexpr std::size_t kShards = 64;
  // What a client has opened.
  struct Account {
    std::set<std::string, std::less<>> tasks;
    std::size_t bytes = 0;
    double may_open = 0;             // now
    Duration counted = Duration(0);  // by the machine's running
  };

  Shard& shard_of(std::string_view id) const noexcept { return shards_[Hash{}(id) % kShards]; }
  std::shared_ptr<LiveTask> put(Task task, State state, const std::vector<Reservation>& reserved,
                                std::shared_ptr<LiveTask> parent);
  // The following are called with changes_ held.
  Result<std::shared_ptr<LiveTask>> known(std::string_view id) const;
  Result<std::shared_ptr<LiveTask>> parent_of(const Task& task) const;
  Result<std::shared_ptr<LiveTask>> waiting(std::string_view id, Times now) const;
  Result<void> change(LiveTask& task, State state);
  Result<void> finish(std::string_view id, State state);
  std::optional<NoRoom> count_opening(std::string_view client, Duration running);
  Result<void> forget_some_of(const Account& account, const Clock& clock);
  Result<void> forget(std::span<const std::string> ids);
  std::chrono::seconds next_end(const Account& account, Instant now) const;
  void tidy_versions();

  Store& store_;
  const TaskLimits limits_;
  std::mutex changes_;  // held while the store writes
  std::map<std::string, Account, std::less<>> accounts_;
  std::map<std::string, std::size_t, std::less<>> children_;  // how many sub-tasks are there, by their parent
  mutable std::array<Shard, kShards> shards_;
  mutable std::shared_mutex order_mutex_;
  std::set<Place> order_;
};

}  // namespace writ::task
