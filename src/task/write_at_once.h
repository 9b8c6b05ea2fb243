// A writer that writes inside the call, for worlds that end with the process.
#pragma once

#include <memory>
#include <new>
#include <utility>

#include "task/call_approvals.h"
#include "task/registry.h"
#include "task/write.h"

namespace writ::task {

class WriteAtOnce : public Writer {
 public:
  WriteAtOnce(Store& tasks, CallStore& calls) : tasks_(tasks), calls_(calls) {}

  void write(std::unique_ptr<Write> write, Done done) noexcept override {
    Result<void> result = failure(ErrorCode::kUnavailable, {});
    try {
      result = written(*write);
    } catch (const std::bad_alloc&) {  // then it was not written
    }
    write->settle_as(result.has_value());
    done(std::move(result));
  }

 private:
  Result<void> written(const Write& write) {
    for (const auto& [task, labels] : write.labels) TRY(tasks_.save_labels(task, labels));
    for (const auto& reservation : write.reservations) TRY(tasks_.reserve(reservation));
    if (!write.lapsed.empty()) TRY(calls_.forget_call(write.lapsed));
    if (!write.call) return {};
    const auto& [approval, state] = *write.call;
    return state == CallState::kPending ? calls_.save_call(approval)
                                        : calls_.save_call_state(approval, state);
  }

  Store& tasks_;
  CallStore& calls_;
};

}  // namespace writ::task
