// IssuerKeys: the keys of one provider that are at a URL, kept fresh on a thread of their own.
//
// Readers take a published set; nobody who knows its key ever waits for a fetch, nor for a lock that is held
// over one. A set is fetched
//
//   at the start, and while there is none: again and again, with growing pauses
//   when it is no longer fresh: what Cache-Control says, within the rules' bounds
//   when a token names a key that it does not have: at most so often, all that wait at a time for one fetch
//
// A fetch that fails leaves in force what is, until that is older than `keep`: then tokens of the issuer are
// refused. A fetch that succeeds replaces the set whole, so removed keys are gone. Each good set is kept in a
// file, and a start goes on with that. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/published.h"
#include "base/times.h"
#include "http/fetcher.h"
#include "oauth/fetched_keys.h"
#include "oauth/key_location.h"

namespace writ::oauth {

struct IssuerKeysParts {
  http::Fetcher& fetcher;
  const Clock& clock;
  const KeptKeys& kept;
  // Lines for the operator.
  std::function<void(const std::string&)> tell;
  // A set with other keys is about to come in force: the issuer, and what is different. A failure leaves in
  // force what is.
  std::function<Result<void>(std::string_view issuer, std::string_view difference)> record;
};

// For /v1/issuers and /metrics.
struct IssuerKeysStatus {
  std::string issuer;
  std::string jwks_uri;                                    // configured, or as it was found last
  std::shared_ptr<const FetchedKeys> set;                  // null: there is none
  std::optional<Instant> good_until;                       // of the set
  bool in_force = false;                                   // it is not too old
  std::optional<std::pair<Instant, std::string>> failure;  // of the last fetch
  std::uint64_t fetched = 0, failed = 0;                   // fetches
  std::uint64_t unknown = 0;                               // tokens that named a key that was not there
};

class IssuerKeys {
 public:
  IssuerKeys(std::string issuer, KeyLocation location, jose::KeyRules rules, IssuerKeysParts parts);
  ~IssuerKeys() { stop(); }
  IssuerKeys(const IssuerKeys&) = delete;
  IssuerKeys& operator=(const IssuerKeys&) = delete;

  // Takes up the kept set, and begins to fetch. Once.
  void start();
  // No fetch begins from now on. Whoever waits is called when the one under way has ended.
  void begin_stop();
  void stop();  // the same, and waits for it

  // What there is and is not too old; or null.
  std::shared_ptr<const FetchedKeys> in_force(Times now) const;
  // Another number after each set with other keys. Whoever verifies reads it before the keys.
  std::uint64_t edition() const noexcept { return edition_.load(std::memory_order_acquire); }
  // Whether those of that edition are still in force. For threads that read all the time.
  bool stands(std::uint64_t edition, Times now) const;

  using Then = std::move_only_function<void()>;
  // For a token that names this key. True: it is not known, and is being fetched; `then` was taken, and is
  // called when that is over, whatever came of it, on another thread. False: there is nothing to wait for.
  bool wait_for(std::optional<std::string_view> kid, Then& then);

  IssuerKeysStatus status() const;
  const std::string& issuer() const noexcept { return issuer_; }

 private:
  using Steady = std::chrono::steady_clock;
  using Freshness = std::optional<std::chrono::seconds>;
  struct Answer {
    FetchedKeys keys;
    Freshness fresh_for;
  };

  void run();
  void take_up();
  Result<Freshness> refresh();
  Result<Answer> fetch() const;
  Result<std::string> discover() const;
  Result<void> bring_in_force(FetchedKeys keys);
  void note(const Result<Freshness>& answer);
  void call(std::vector<Then>& waiting);
  void tell(std::string line) const;

  const std::string issuer_;
  const KeyLocation location_;
  const jose::KeyRules rules_;
  const IssuerKeysParts parts_;
  Published<FetchedKeys> set_{nullptr};
  std::atomic<std::uint64_t> edition_{0};

  mutable std::mutex mutex_;  // of what follows; never held over a fetch
  std::condition_variable changed_;
  bool started_ = false, stopping_ = false;
  bool fetching_ = false;   // or about to
  bool postponed_ = false;  // an unknown key came too soon
  Steady::time_point due_{};
  Steady::time_point next_for_unknown_{};
  std::vector<Then> waiting_;
  std::string jwks_uri_;
  std::optional<std::pair<Instant, std::string>> failure_;
  std::uint64_t fetched_ = 0, failed_ = 0, unknown_ = 0, failures_in_a_row_ = 0;
  std::thread thread_;
};

}  // namespace writ::oauth
