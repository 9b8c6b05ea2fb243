// CallApprovals: approvals of single calls. A call that policy lets pass only with people's approval waits
// here; one of them approves it, and the same call passes once.
//
// An approval is good for exactly the call that it was asked for: the same parties, task and purpose, the
// same action on the same resource with the same arguments, under the same policies, until it expires. Its
// use is durable before the call goes on: of N calls at once one passes, also across kill -9. Thread-safe;
// every change is one write to the store, so it is not for the path of every request.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "task/call.h"
#include "task/registry.h"

namespace writ::task {

// From the asking to the last moment of use.
inline constexpr Duration kCallLifetime = std::chrono::hours(1);
// After that it is still known by what became of it; then it is unknown, which lets nothing pass either.
inline constexpr Duration kCallRemembered = std::chrono::hours(1);
inline constexpr std::size_t kMaxOpenCalls = 10'000;
// Of one client: nobody fills the desk of those who approve alone.
inline constexpr std::size_t kMaxOpenCallsOfClient = 100;
// What people can be asked to read; a longer body is not asked for.
inline constexpr std::size_t kMaxCallBodyBytes = 64 * 1024;

struct StoredCall {
  CallApproval approval;
  CallState state;
};

// Implemented by store. Thread-safe; every function is durable when it returns.
class CallStore {
 public:
  virtual ~CallStore() = default;
  virtual Result<std::vector<StoredCall>> load_calls() = 0;
  // kConflict when there is one of that id.
  virtual Result<void> save_call(const CallApproval& approval) = 0;
  // The approval with who decided it: out of kPending into kApproved or kDenied, out of kApproved into kUsed.
  // kConflict from anywhere else, kNotFound when it is unknown.
  virtual Result<void> save_call_state(const CallApproval& approval, CallState state) = 0;
  // Those that expired before.
  virtual Result<void> forget_calls(Instant before) = 0;
};

class CallApprovals {
 public:
  // The store must outlive it.
  explicit CallApprovals(CallStore& store) : store_(store) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();

  // The approval that this call waits for: a new one with the id that `new_id` makes, or the one that is
  // there and not over. kLimit when too many wait, or the body is too long or no text.
  Result<StoredCall> ask(CallApproval asked, const std::function<std::string()>& new_id);
  // Is the call the one that was approved? approval_unknown, approval_mismatch, approval_pending,
  // approval_denied, approval_expired, approval_used.
  std::expected<void, Denial> check(std::string_view id, const Call& call, Instant now) const;
  // The same, and uses it up. indeterminate, when that cannot be recorded.
  std::expected<void, Denial> use(std::string_view id, const Call& call, Instant now);

  // kNotFound; kConflict when it is not pending, or the approver takes part in the call.
  Result<void> check_approval(std::string_view id, const Approver& approver, Instant now) const;
  Result<void> approve(std::string_view id, const Approver& approver, Instant now);
  // One is enough, whoever it is.
  Result<void> deny(std::string_view id, std::string_view user, Instant now);

  // Forgets, with their arguments, those whose time is long over. ask() does so too.
  Result<void> prune(Instant now);
  std::optional<StoredCall> find(std::string_view id) const;
  // In the order of their asking.
  std::vector<StoredCall> all() const;

 private:
  using Calls = std::map<std::string, StoredCall, std::less<>>;
  // With mutex_ held.
  std::expected<const StoredCall*, Denial> usable(std::string_view id, const Call& call, Instant now) const;
  Result<const StoredCall*> pending(std::string_view id, Instant now) const;
  Result<const StoredCall*> approvable(std::string_view id, const Approver& approver, Instant now) const;
  Result<void> change(const StoredCall& call, std::string_view by, CallState state);
  Result<void> forget(Instant now);

  CallStore& store_;
  mutable std::mutex mutex_;
  Calls calls_;
};

}  // namespace writ::task
