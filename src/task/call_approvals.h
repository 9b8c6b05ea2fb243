// CallApprovals: approvals of single calls. A call that policy lets pass only with people's approval waits
// here; one of them approves it, and the same call passes once.
//
// An approval is good for exactly the call that it was asked for: the same parties, task and purpose, the
// same action on the same resource with the same arguments, under the same policies, until it expires. Its
// use is durable before the call goes on: of N calls at once one passes, also across kill -9.
//
// What a request does, ask(), check() and use(), never waits: it takes effect in memory, and tells what has
// to be written before anybody relies on it. What people decide waits for the store. Thread-safe.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
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
// What people can be asked to read; a longer body is not asked for.
inline constexpr std::size_t kMaxCallBodyBytes = 64 * 1024;

// Limits on calls that wait for people or for their use. No subject can fill the list of those who approve:
// one that asks for one more gives up its oldest undecided call.
struct CallLimits {
  std::size_t per_subject = 10;  // of one client
  std::size_t per_client = 1'000;
  std::size_t all = 10'000;
  std::size_t bytes = 64 << 20;  // of bodies that are kept; a fourth of them for one client
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
  // Unless somebody has decided on it.
  virtual Result<void> forget_call(std::string_view id) = 0;
  // Those that expired before.
  virtual Result<void> forget_calls(Instant before) = 0;
};

class CallApprovals {
 public:
  // The store must outlive it.
  explicit CallApprovals(CallStore& store, CallLimits limits = {}) : store_(store), limits_(limits) {}

  // Takes over what the store holds; at start-up.
  Result<void> load();

  // The approval that a call waits for.
  struct Waiting {
    std::string id;
    Instant asked_at;
    bool fresh;                    // it was not there before
    std::unique_ptr<Write> write;  // what it waits for; null: nothing
  };
  struct NotTaken {
    std::string why;
    bool later;  // too many wait just now; false: it never will be, for its body is too long or no text
  };
  // A new one with the id that `new_id` makes, or the one that is there and not over.
  std::expected<Waiting, NotTaken> ask(CallApproval asked, const std::function<std::string()>& new_id);
  // Is the call the one that was approved? approval_unknown, approval_mismatch, approval_pending,
  // approval_denied, approval_expired, approval_used.
  std::expected<void, Denial> check(std::string_view id, const Call& call, Instant now) const;
  // The same, and keeps it for this use, which is one when what is told was written.
  std::expected<std::unique_ptr<Write>, Denial> use(std::string_view id, const Call& call, Instant now);

  // kNotFound; kConflict when it is not pending, or the approver takes part in the call.
  Result<void> check_approval(std::string_view id, const Approver& approver, Instant now) const;
  Result<void> approve(std::string_view id, const Approver& approver, Instant now);
  // One is enough, whoever it is.
  Result<void> deny(std::string_view id, std::string_view user, Instant now);

  // Forgets, with their arguments, those whose time is long over.
  Result<void> prune(Instant now);
  std::optional<StoredCall> find(std::string_view id) const;
  // In the order of their asking.
  std::vector<std::shared_ptr<const StoredCall>> all() const;
  std::size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<const StoredCall> stored;
    bool saved = true;     // false: it is being written for the first time
    bool claimed = false;  // it is being used
  };
  using Calls = std::map<std::string, Entry, std::less<>>;
  struct Census;
  // With mutex_ held.
  Census count(const CallApproval& asked) const;
  std::expected<std::string, NotTaken> make_room(const Census& census, const CallApproval& asked);
  void add(std::string id, Entry entry);
  void remove(Calls::iterator entry);
  std::expected<const Entry*, Denial> usable(std::string_view id, const Call& call, Instant now) const;
  Result<const StoredCall*> pending(std::string_view id, Instant now) const;
  Result<const StoredCall*> approvable(std::string_view id, const Approver& approver, Instant now) const;
  // When what they wrote is on disk, or is not.
  void settle_new(std::string_view id, bool done);
  void settle_use(const std::shared_ptr<const StoredCall>& used, bool done);
  // With changes_ held, and mutex_ not.
  Result<void> change(StoredCall call, std::string_view by, CallState state);

  CallStore& store_;
  const CallLimits limits_;
  std::mutex changes_;        // held while the store writes what people decide
  mutable std::mutex mutex_;  // of what follows; never held while anything is written
  Calls calls_;
  std::map<std::string, std::vector<std::string>, std::less<>> by_client_;
  std::size_t bytes_ = 0;
};

}  // namespace writ::task
