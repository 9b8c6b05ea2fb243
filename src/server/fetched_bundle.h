// FetchedBundle: the CAs of one SPIFFE trust domain whose bundle is at a URL (SPIFFE Federation §5.2.1,
// `https_web`: the endpoint's certificate is verified as those of other servers that Writ asks).
//
// Fetched on a thread of its own: at the start; again when the bundle's `spiffe_refresh_hint` says so, or
// else Cache-Control, within the rules' bounds; and after a failure, with growing pauses. A fetch that fails
// leaves in force what is, until that is older than `keep`. One that succeeds replaces the CAs whole, so
// removed ones are gone. Each good set is kept in a file, and a start goes on with that. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/private_file.h"
#include "base/result.h"
#include "base/times.h"
#include "http/fetcher.h"
#include "oauth/key_location.h"

namespace writ::server {

struct BundleParts {
  http::Fetcher& fetcher;
  const Clock& clock;
  std::filesystem::path folder;  // for what is kept; private
  Writers writers = Writers::kOwner;
  oauth::RefreshRules refresh = {};
  std::function<void(const std::string&)> tell;  // lines for the operator
  // Other CAs are about to come in force: whose ("spiffe://acme.example"), and what is different. A failure
  // leaves in force what is.
  std::function<Result<void>(std::string_view issuer, std::string_view difference)> record;
  // authorities() says something else from now on. Called on the bundle's thread, without a lock.
  std::function<void()> changed;
};

// For /metrics.
struct BundleStatus {
  std::string trust_domain, url;
  std::size_t authorities = 0;        // in force; 0: its workloads are refused
  std::optional<Instant> fetched_at;  // of those that are there
  bool failing = false;               // the last fetch
  std::uint64_t fetched = 0, failed = 0;
};

class FetchedBundle {
 public:
  // Takes up what is kept.
  FetchedBundle(std::string trust_domain, std::string url, BundleParts parts);
  ~FetchedBundle() { stop(); }
  FetchedBundle(const FetchedBundle&) = delete;
  FetchedBundle& operator=(const FetchedBundle&) = delete;

  void start();       // begins to fetch; once
  void begin_stop();  // no fetch begins from now on
  void stop();        // the same, and waits for the one under way

  bool is_of(std::string_view trust_domain, std::string_view url) const noexcept {
    return trust_domain == trust_domain_ && url == url_;
  }
  // PEM. Empty: none are known, or those that are known are too old.
  std::string authorities() const;
  BundleStatus status() const;

 private:
  using Steady = std::chrono::steady_clock;
  using Freshness = std::optional<std::chrono::seconds>;
  struct Kept {
    std::string authorities;
    Instant fetched_at;
  };
  void run();
  void tell_changed();
  Result<void> take_up();
  Result<Freshness> refresh();
  Result<void> bring_in_force(Kept kept);
  void note(const Result<Freshness>& answer);
  void tell(std::string line) const;
  std::filesystem::path file() const;
  bool is_in_force(const Kept& kept) const;

  const std::string trust_domain_, url_;
  const BundleParts parts_;

  mutable std::mutex mutex_;  // of what follows; never held over a fetch
  std::condition_variable changed_;
  std::optional<Kept> kept_;
  bool started_ = false, stopping_ = false;
  std::uint64_t fetched_ = 0, failed_ = 0, failures_in_a_row_ = 0;
  std::string failure_;
  std::string told_;  // what changed() was called for last; of the thread, once it has begun
  std::thread thread_;
};

}  // namespace writ::server
