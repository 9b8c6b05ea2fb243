#include "task/registry.h"

#include <algorithm>
#include <fmt/format.h>

#include "task/attenuation.h"

namespace writ::task {
namespace {

std::unexpected<Error> already(const LiveTask& task) {
  return failure(ErrorCode::kConflict,
                 fmt::format("task `{}` was {} already", task.task().id, state_name(task.state())));
}

Result<void> not_expired(const LiveTask& task, Times now) {
  if (!now.ended(task.task().expires_at)) return {};
  return failure(ErrorCode::kConflict, fmt::format("task `{}` has expired", task.task().id));
}

bool takes_part(const Task& task, std::string_view id) {
  return task.client == id || std::ranges::find(task.agents, id) != task.agents.end();
}

Result<void> check_approver(const Task& task, const Approver& approver) {
  const auto refused = [&](std::string_view who, std::string_view why) {
    return failure(ErrorCode::kConflict,
                   fmt::format("`{}` {} task `{}`, and cannot approve it", who, why, task.id));
  };
  if (std::ranges::find(task.requested_by, approver.user) != task.requested_by.end())
    return refused(approver.user, "asked for");
  if (std::ranges::find(task.approvals.given, approver.user, &Approval::by) != task.approvals.given.end())
    return refused(approver.user, "has approved");
  if (takes_part(task, approver.user)) return refused(approver.user, "takes part in");
  // Their word on it would be a word on themselves.
  for (const auto id : approver.through) {
    if (takes_part(task, id)) return refused(id, "takes part in");
  }
  return {};
}

}  // namespace

std::shared_ptr<LiveTask> Registry::put(Task task, State state, const std::vector<Reservation>& reserved,
                                        std::shared_ptr<LiveTask> parent) {
  auto live = std::make_shared<LiveTask>(std::move(task), state, reserved, store_, std::move(parent));
  const Task& opened = live->task();
  Account& account = accounts_[opened.opened_by];
  account.tasks.insert(opened.id);
  account.bytes += live->bytes();
  if (opened.parent) ++children_[*opened.parent];
  {
    Shard& shard = shard_of(opened.id);
    const std::unique_lock lock(shard.mutex);
    shard.tasks[opened.id] = live;
  }
  const std::unique_lock lock(order_mutex_);
  order_.emplace(opened.opened_at, opened.id);
  return live;
}

Result<void> Registry::load() {
  for (StoredTask& stored : TRY(store_.load_tasks())) {
    auto& labels = stored.task.labels;
    for (std::string& label : stored.labels) {
      if (std::ranges::find(labels, label) == labels.end()) labels.push_back(std::move(label));
    }
    auto parent = parent_of(stored.task);
    // A parent is always older: no store that Writ wrote has a circle, or a line that is too long.
    if (!parent) return failure(ErrorCode::kCorrupt, parent.error().message);
    put(std::move(stored.task), stored.state, stored.reserved, *std::move(parent));
  }
  return {};
}

Result<std::shared_ptr<LiveTask>> Registry::parent_of(const Task& task) const {
  if (!task.parent) return nullptr;
  auto parent = find(*task.parent);
  if (parent == nullptr)
    return failure(ErrorCode::kInvalid,
                   fmt::format("task `{}`: `parent`: there is no task `{}`", task.id, *task.parent));
  if (parent->depth() < kMaxTaskDepth) return parent;
  return failure(ErrorCode::kLimit,
                 fmt::format("task `{}`: `parent`: task `{}` is {} deep, the deepest that is allowed",
                             task.id, *task.parent, kMaxTaskDepth));
}

Result<std::shared_ptr<LiveTask>> Registry::open(Task task, State state) {
  const std::lock_guard lock(changes_);
  if (find(task.id) != nullptr)
    return failure(ErrorCode::kConflict, fmt::format("there is a task `{}` already", task.id));
  auto parent = TRY(parent_of(task));
  if (parent != nullptr) {
    if (const auto live = parent->check_live(task.opened_at); !live)
      return failure(ErrorCode::kConflict, "`parent`: " + live.error().message);
    TRY(check_sub_task(task, parent->task()));
  }
  TRY(store_.save_task(task, state));
  return put(std::move(task), state, {}, std::move(parent));
}

std::shared_ptr<LiveTask> Registry::find(std::string_view id) const {
  const Shard& shard = shard_of(id);
  const std::shared_lock lock(shard.mutex);
  const auto found = shard.tasks.find(id);
  return found == shard.tasks.end() ? nullptr : found->second;
}

Result<std::shared_ptr<LiveTask>> Registry::known(std::string_view id) const {
  auto task = find(id);
  if (task == nullptr) return failure(ErrorCode::kNotFound, fmt::format("there is no task `{}`", id));
  return task;
}

Result<void> Registry::change(LiveTask& task, State state) {
  TRY(store_.save_state(task->id, state));
  task.set_state(state);
  return {};
}

Result<void> Registry::finish(std::string_view id, State state) {
  const std::lock_guard lock(changes_);
  const auto task = TRY(known(id));
  if (is_final(task->state())) return already(*task);
  return change(*task, state);
}

Result<std::shared_ptr<LiveTask>> Registry::waiting(std::string_view id, Times now) const {
  auto task = TRY(known(id));
  if (is_final(task->state())) return already(*task);
  if (task->state() != State::kRequested)
    return failure(ErrorCode::kConflict, fmt::format("task `{}` does not wait for approval", id));
  TRY(not_expired(*task, now));
  if (!now.ended(task->task().approvals.until)) return task;
  return failure(ErrorCode::kConflict, fmt::format("task `{}` was not approved in time", id));
}

Result<void> Registry::check_approval(std::string_view id, const Approver& approver, Times now) const {
  return check_approver(TRY(waiting(id, now))->task(), approver);
}

Result<void> Registry::approve(std::string_view id, const Approver& approver, Times now) {
  const std::lock_guard lock(changes_);
  TRY(check_approval(id, approver, now));
  const auto live = find(id);
  Task task = live->task();
  task.approvals.given.push_back({std::string(approver.user), now.earliest});
  const State state = task.approvals.complete() ? State::kActive : State::kRequested;
  TRY(store_.save_approved(task, state));
  live->set_approved(std::move(task), state);
  return {};
}

Result<void> Registry::deny(std::string_view id, Times now) {
  const std::lock_guard lock(changes_);
  return change(*TRY(waiting(id, now)), State::kDenied);
}

Result<void> Registry::suspend(std::string_view id, Times now) {
  const std::lock_guard lock(changes_);
  const auto task = TRY(known(id));
  if (task->state() == State::kRequested)
    return failure(ErrorCode::kConflict, fmt::format("task `{}` waits for approval", id));
  if (task->state() != State::kActive) return already(*task);
  TRY(not_expired(*task, now));
  return change(*task, State::kSuspended);
}

Result<void> Registry::resume(std::string_view id, Times now) {
  const std::lock_guard lock(changes_);
  const auto task = TRY(known(id));
  if (is_final(task->state())) return already(*task);
  TRY(not_expired(*task, now));
  if (task->state() != State::kSuspended)
    return failure(ErrorCode::kConflict, fmt::format("task `{}` is not suspended", id));
  return change(*task, State::kActive);
}

Result<void> Registry::narrow(std::string_view id, const codec::Json& json, Times now) {
  const std::lock_guard lock(changes_);
  const auto task = TRY(known(id));
  if (is_final(task->state())) return already(*task);
  TRY(not_expired(*task, now));
  auto less = TRY(narrowed(task->task(), json, now.earliest));
  if (task->narrowings() >= limits_.narrowings)
    return failure(ErrorCode::kLimit,
                   fmt::format("task `{}` was narrowed {} times already", id, limits_.narrowings));
  TRY(store_.save_narrowed(less));
  accounts_[less.opened_by].bytes += memory_of(less);
  task->replace(std::move(less));
  return {};
}

std::vector<std::shared_ptr<LiveTask>> Registry::all() const {
  std::vector<std::shared_ptr<LiveTask>> all;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    for (const auto& [id, task] : shard.tasks) all.push_back(task);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie((*a)->opened_at, (*a)->id) < std::tie((*b)->opened_at, (*b)->id);
  });
  return all;
}

std::vector<std::shared_ptr<LiveTask>> Registry::opened_before(const std::optional<Place>& place,
                                                               std::size_t count) const {
  std::vector<std::shared_ptr<LiveTask>> found;
  const std::shared_lock lock(order_mutex_);
  for (auto at = place ? order_.lower_bound(*place) : order_.end();
       at != order_.begin() && found.size() < count;) {
    // One that is being forgotten is not there any more.
    if (auto live = find((--at)->second)) found.push_back(std::move(live));
  }
  return found;
}

std::size_t Registry::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    size += shard.tasks.size();
  }
  return size;
}

Result<void> Registry::settle() {
  for (const auto& task : all()) TRY(task->settle());
  return {};
}

}  // namespace writ::task
