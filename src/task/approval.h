// Approvals: who has to agree before a task that was asked for is active, and who has agreed.
//
// Plain values with strict JSON in both directions. In a request: {"needed": 2, "within_seconds": 300}.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"

namespace writ::task {

inline constexpr std::int64_t kMaxApprovals = 8;

struct Approval {
  std::string by;  // a user
  Instant at;
};

struct Approvals {
  std::int64_t needed = 0;  // 0: the task was opened without being asked for
  Instant until = {};       // a request that is not approved by then lapses
  std::vector<Approval> given;

  bool complete() const noexcept { return static_cast<std::int64_t>(given.size()) >= needed; }
};

// Null: none are needed. What is asked for lapses with the task's window at the latest.
Result<Approvals> approvals_from_request(const codec::Json* json, Instant now, Instant expires_at);
// Instants as whole Unix seconds.
codec::Json approvals_to_json(const Approvals& approvals);

// For the store: everything, in milliseconds.
codec::Json approvals_record(const Approvals& approvals);
Result<Approvals> approvals_from_record(const codec::Json* json);

}  // namespace writ::task
