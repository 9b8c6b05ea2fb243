#include "task/registry.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::task {

std::shared_ptr<LiveTask> Registry::put(Task task, State state, const std::vector<Reservation>& reserved) {
  auto live = std::make_shared<LiveTask>(std::move(task), state, reserved, store_);
  Shard& shard = shard_of((*live)->id);
  const std::unique_lock lock(shard.mutex);
  shard.tasks[(*live)->id] = live;
  return live;
}

Result<void> Registry::load() {
  for (StoredTask& stored : TRY(store_.load_tasks()))
    put(std::move(stored.task), stored.state, stored.reserved);
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

Result<void> Registry::finish(std::string_view id, State state) {
  const std::lock_guard lock(changes_);
  const auto task = find(id);
  if (task == nullptr) return failure(ErrorCode::kNotFound, fmt::format("there is no task `{}`", id));
  if (task->state() != State::kActive)
    return failure(ErrorCode::kConflict,
                   fmt::format("task `{}` was {} already", id, state_name(task->state())));
  TRY(store_.save_state(id, state));
  task->set_state(state);
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
