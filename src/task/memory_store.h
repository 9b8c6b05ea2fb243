// A store of tasks in memory, for worlds that end with the process. What it was told survives the registry,
// as on a disk. Thread-safe.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "task/registry.h"

namespace writ::task {

class MemoryStore : public Store {
 public:
  Result<std::vector<StoredTask>> load_tasks() override {
    const std::lock_guard lock(mutex_);
    std::vector<StoredTask> stored;
    for (const auto& [id, row] : rows_) {
      StoredTask task{
          TRY(task_from_record(row.record)), row.state, {}, {row.labels.begin(), row.labels.end()}};
      for (const auto& [budget, amount] : row.reserved) task.reserved.push_back({id, budget, amount});
      stored.push_back(std::move(task));
    }
    std::ranges::sort(stored, {}, [&](const StoredTask& each) { return rows_.at(each.task.id).position; });
    return stored;
  }
  Result<void> save_task(const Task& task, State state) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    rows_[task.id] = {saved_++, task_record(task), state, {}, {}};
    return {};
  }
  Result<void> save_state(std::string_view id, State state) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    rows_.at(std::string(id)).state = state;
    return {};
  }
  Result<void> save_narrowed(const Task& task) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    rows_.at(task.id).record = task_record(task);
    return {};
  }
  Result<void> save_approved(const Task& task, State state) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    rows_.at(task.id).record = task_record(task);
    rows_.at(task.id).state = state;
    return {};
  }
  Result<void> forget_tasks(std::span<const std::string> ids) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    for (const auto& id : ids) rows_.erase(id);
    return {};
  }
  Result<void> save_labels(std::string_view task, const std::vector<std::string>& labels) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    rows_.at(std::string(task)).labels.insert(labels.begin(), labels.end());
    return {};
  }
  Result<void> reserve(const Reservation& reservation) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    auto& amount = rows_.at(reservation.task).reserved[reservation.budget];
    amount = std::max(amount, reservation.amount);
    return {};
  }
  Result<void> settle(const Reservation& used) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    rows_.at(used.task).reserved[used.budget] = used.amount;
    return {};
  }

 protected:
  // Where a test can fail. With the lock held.
  virtual Result<void> before_write() { return {}; }

 private:
  struct Row {
    std::size_t position;
    std::string record;
    State state;
    std::map<std::string, std::int64_t> reserved;
    std::set<std::string> labels;
  };
  std::mutex mutex_;
  std::size_t saved_ = 0;
  std::map<std::string, Row> rows_;
};

}  // namespace writ::task
