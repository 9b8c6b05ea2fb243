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

Result<void> not_expired(const LiveTask& task, Instant now) {
  if (now < task.task().expires_at) return {};
  return failure(ErrorCode::kConflict, fmt::format("task `{}` has expired", task.task().id));
}

}  // namespace

std::shared_ptr<LiveTask> Registry::put(Task task, State state, const std::vector<Reservation>& reserved) {
  auto live = std::make_shared<LiveTask>(std::move(task), state, reserved, store_);
  Shard& shard = shard_of((*live)->id);
  const std::unique_lock lock(shard.mutex);
  shard.tasks[(*live)->id] = live;
  return live;
}

Result<void> Registry::load() {
  for (StoredTask& stored : TRY(store_.load_tasks())) {
    auto& labels = stored.task.labels;
    for (std::string& label : stored.labels) {
      if (std::ranges::find(labels, label) == labels.end()) labels.push_back(std::move(label));
    }
    put(std::move(stored.task), stored.state, stored.reserved);
  }
  return {};
}

Result<std::shared_ptr<LiveTask>> Registry::open(Task task) {
  const std::lock_guard lock(changes_);
  if (find(task.id) != nullptr)
    return failure(ErrorCode::kConflict, fmt::format("there is a task `{}` already", task.id));
  TRY(store_.save_task(task));
  return put(std::move(task), State::kActive, {});
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

Result<void> Registry::suspend(std::string_view id, Instant now) {
  const std::lock_guard lock(changes_);
  const auto task = TRY(known(id));
  if (task->state() != State::kActive) return already(*task);
  TRY(not_expired(*task, now));
  return change(*task, State::kSuspended);
}

Result<void> Registry::resume(std::string_view id, Instant now) {
  const std::lock_guard lock(changes_);
  const auto task = TRY(known(id));
  if (is_final(task->state())) return already(*task);
  TRY(not_expired(*task, now));
  if (task->state() != State::kSuspended)
    return failure(ErrorCode::kConflict, fmt::format("task `{}` is not suspended", id));
  return change(*task, State::kActive);
}

Result<void> Registry::narrow(std::string_view id, const codec::Json& json, Instant now) {
  const std::lock_guard lock(changes_);
  const auto task = TRY(known(id));
  if (is_final(task->state())) return already(*task);
  TRY(not_expired(*task, now));
  auto less = TRY(narrowed(task->task(), json, now));
  if (task->narrowings() == kMaxNarrowings)
    return failure(ErrorCode::kLimit,
                   fmt::format("task `{}` was narrowed {} times already", id, kMaxNarrowings));
  TRY(store_.save_narrowed(less));
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
