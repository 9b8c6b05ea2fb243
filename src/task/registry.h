// Registry: all tasks, by id. A change is durable before it is acknowledged, and acts on the very next
// decision.
//
// Thread-safe. find() takes a shared lock on one of many shards for the time of a look-up.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
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
};

// Who says yes to a task that is asked for.
struct Approver {
  std::string_view user;
  std::vector<std::string_view> through;  // the other parties to the approval's request
};

class Registry {
 public:
  // The store must outlive it, and every task it hands out.
  explicit Registry(Store& store) : store_(store) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();
  // With a state of kRequested it waits for its approvals. A sub-task's parent is there and lives
  // (kConflict), and the sub-task is within it (kInvalid) and not too deep (kLimit).
  Result<std::shared_ptr<LiveTask>> open(Task task, State state = State::kActive);
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
  std::size_t size() const;
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

  Shard& shard_of(std::string_view id) const noexcept { return shards_[Hash{}(id) % kShards]; }
  std::shared_ptr<LiveTask> put(Task task, State state, const std::vector<Reservation>& reserved,
                                std::shared_ptr<LiveTask> parent);
  // The following are called with changes_ held.
  Result<std::shared_ptr<LiveTask>> known(std::string_view id) const;
  Result<std::shared_ptr<LiveTask>> parent_of(const Task& task) const;
  Result<std::shared_ptr<LiveTask>> waiting(std::string_view id, Times now) const;
  Result<void> change(LiveTask& task, State state);
  Result<void> finish(std::string_view id, State state);

  Store& store_;
  std::mutex changes_;
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace writ::task
