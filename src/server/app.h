// App: Writ as one process. The composition root: it makes every part, connects them, and ends them in order.
//
// start() returns when both listeners are open; everything that can be wrong is an error of start(), and
// nothing has been promised to anyone by then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "policy/load.h"
#include "policy/policies_in_force.h"

namespace writ::server {

// A clock that was set back no further while Writ was down stands still until it has caught up.
inline constexpr Duration kMaxSetBack = std::chrono::minutes(5);

class App {
 public:
  // Refuses a clock that is further than kMaxSetBack behind the last record of the audit, which would give
  // back what had expired; unless `accept_clock`.
  // Refuses an audit log that is not the one it wrote, unless it lacks the records up to `accept_lost_audit`.
  static Result<std::unique_ptr<App>> start(policy::Loaded loaded, bool accept_clock = false,
                                            std::optional<std::uint64_t> accept_lost_audit = {});
  ~App();

  // "http://127.0.0.1:8180"; the others are empty when there is none.
  const std::string& api_url() const noexcept;
  const std::string& gateway_url() const noexcept;
  const std::string& operator_url() const noexcept;

  // The audit log was rotated, or is lost: goes on in a new file. Thread-safe.
  Result<void> reopen_audit();
  // Thread-safe.
  policy::PoliciesInForce& policies() noexcept;

  // Says to /readyz and on every answer that it is going to stop, and goes on for
  // `limits.drain_grace_seconds` as before, so that load balancers have time to send nothing new. Waits.
  void drain();

  // Lets requests in flight finish (some seconds at most), writes what is owed to disk, and closes. False
  // when something had to be cut off or could not be written.
  bool stop();

 private:
  struct Parts;
  explicit App(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace writ::server
