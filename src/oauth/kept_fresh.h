// KeptFresh: what somebody publishes at a URL, kept fresh on a thread of its own. What it is and how it comes
// in force is its owner's: a provider's keys (issuer_keys.h), the CAs of a trust domain
// (server/fetched_bundle.h). It is fetched
//
//   at the start, and while that fails: again and again, with growing pauses
//   when it is no longer fresh: as the answer said, within the rules' bounds
//   when somebody asks for what it does not have: at most so often, all that wait at a time for one fetch
//   when it becomes too old, so that whoever uses it is told in time
//
// A fetch that fails leaves in force what is, until that is older than `keep`. The operator is told when it
// begins to fail, when it fails in another way, and when it is over. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/times.h"
#include "http/response.h"
#include "oauth/key_location.h"

namespace writ::oauth {

class KeptFresh {
 public:
  using Freshness = std::optional<std::chrono::seconds>;
  struct Parts {
    std::string name;     // "the keys of issuer `https://login.acme.example`"
    std::string without;  // what it means that there are none: "its tokens are refused until they can be"
    RefreshRules rules;
    const Clock& clock;
    std::function<void(const std::string&)> tell;  // lines for the operator
    // On the thread, without a lock. Fetches, and brings in force; for how long it is fresh.
    std::function<Result<Freshness>()> fetch;
    std::function<void()> settled = [] {};  // after each attempt
    // Since when there is what there is.
    std::function<std::optional<Instant>()> fetched_at;
  };
  struct Status {
    std::optional<std::pair<Instant, std::string>> failure = {};  // of the last fetch
    std::uint64_t fetched = 0, failed = 0;                        // fetches
    std::uint64_t asked_for = 0;                                  // what was not there
  };

  explicit KeptFresh(Parts parts) : parts_(std::move(parts)) {}
  ~KeptFresh() { stop(); }
  KeptFresh(const KeptFresh&) = delete;
  KeptFresh& operator=(const KeptFresh&) = delete;

  void start();  // begins to fetch; once
  // No fetch begins from now on. Whoever waits is called when the one under way has ended.
  void begin_stop();
  void stop();  // the same, and waits for it

  using Then = std::move_only_function<void()>;
  // For somebody who needs what is not there. True: it is being fetched; `then` was taken, and is called when
  // that is over, whatever came of it, on another thread. False: there is nothing to wait for.
  bool wait_for_fetch(Then& then);

  // Whether what was fetched then is not too old.
  bool in_force(Instant fetched_at, Times now) const noexcept {
    return !now.ended(fetched_at + parts_.rules.keep);
  }
  // What others wrote does not steer the operator's terminal.
  void tell(std::string line) const;
  Status status() const;

 private:
  using Steady = std::chrono::steady_clock;
  void run();
  Result<Freshness> fetch();
  void settle(const Result<Freshness>& answer);
  std::string note(const Result<Freshness>& answer);  // with the lock
  Steady::time_point due_after(const Result<Freshness>& answer) const;
  void call(std::vector<Then>& waiting);

  const Parts parts_;
  mutable std::mutex mutex_;  // of what follows; never held over a fetch
  std::condition_variable changed_;
  bool started_ = false, stopping_ = false;
  bool fetching_ = false;   // or about to
  bool postponed_ = false;  // somebody asked too soon
  Steady::time_point due_{};
  Steady::time_point next_for_asked_{};
  std::vector<Then> waiting_;
  Status status_;
  std::uint64_t failures_in_a_row_ = 0;
  std::thread thread_;
};

inline constexpr std::size_t kMaxDocumentBytes = 256 * 1024;
// What is not 200 is no document, and a redirect leads where nobody has looked.
Result<std::string> body_of(const std::string& url, http::Response answer);

}  // namespace writ::oauth
