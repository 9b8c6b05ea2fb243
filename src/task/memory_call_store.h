// A store of call approvals in memory, for worlds that end with the process. Thread-safe.
#pragma once

#include <map>
#include <mutex>

#include "task/call_approvals.h"

namespace writ::task {

class MemoryCallStore : public CallStore {
 public:
  Result<std::vector<StoredCall>> load_calls() override {
    const std::lock_guard lock(mutex_);
    std::vector<StoredCall> stored;
    for (const auto& [id, row] : rows_) stored.push_back({TRY(call_from_record(row.record)), row.state});
    return stored;
  }
  Result<void> save_call(const CallApproval& approval) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    const bool added =
        rows_.try_emplace(approval.id, Row{call_record(approval), CallState::kPending, approval.until})
            .second;
    if (added) return {};
    return failure(ErrorCode::kConflict, "there is an approval `" + approval.id + "` already");
  }
  Result<void> save_call_state(const CallApproval& approval, CallState state) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    const auto found = rows_.find(approval.id);
    if (found == rows_.end())
      return failure(ErrorCode::kNotFound, "there is no approval `" + approval.id + "`");
    const auto before = state == CallState::kUsed ? CallState::kApproved : CallState::kPending;
    if (state == CallState::kPending || found->second.state != before)
      return failure(ErrorCode::kConflict, "approval `" + approval.id + "` cannot become that any more");
    found->second.record = call_record(approval);
    found->second.state = state;
    return {};
  }
  Result<void> forget_call(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    const auto found = rows_.find(std::string(id));
    if (found != rows_.end() && found->second.state == CallState::kPending) rows_.erase(found);
    return {};
  }
  Result<void> forget_calls(Instant before) override {
    const std::lock_guard lock(mutex_);
    TRY(before_write());
    std::erase_if(rows_, [&](const auto& each) { return each.second.until < before; });
    return {};
  }

 protected:
  // Where a test can fail. With the lock held.
  virtual Result<void> before_write() { return {}; }

 private:
  struct Row {
    std::string record;
    CallState state;
    Instant until;
  };
  std::mutex mutex_;
  std::map<std::string, Row> rows_;
};

}  // namespace writ::task
