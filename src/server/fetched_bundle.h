// FetchedBundle: the CAs of one SPIFFE trust domain whose bundle is at a URL (SPIFFE Federation §5.2.1,
// `https_web`: the endpoint's certificate is verified as those of other servers that Writ asks).
//
// Kept fresh (oauth/kept_fresh.h), for as long as the bundle's `spiffe_refresh_hint` says, or else
// Cache-Control. A bundle that was fetched replaces the CAs whole, so removed ones are gone. Each good set is
// kept in a file, and a start goes on with that. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/private_file.h"
#include "base/published.h"
#include "base/result.h"
#include "base/times.h"
#include "http/fetcher.h"
#include "oauth/kept_fresh.h"

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
  FetchedBundle(const FetchedBundle&) = delete;
  FetchedBundle& operator=(const FetchedBundle&) = delete;

  void start() { fresh_.start(); }
  void begin_stop() { fresh_.begin_stop(); }

  bool is_of(std::string_view trust_domain, std::string_view url) const noexcept {
    return trust_domain == trust_domain_ && url == url_;
  }
  // PEM. Empty: none are known, or those that are known are too old.
  std::string authorities() const;
  BundleStatus status() const;

 private:
  struct Kept {
    std::string authorities;
    Instant fetched_at;
  };
  void tell_changed();
  Result<void> take_up();
  Result<oauth::KeptFresh::Freshness> refresh();
  Result<void> bring_in_force(Kept kept);
  std::filesystem::path file() const;

  const std::string trust_domain_, url_;
  const BundleParts parts_;
  Published<Kept> kept_{nullptr};
  std::string told_;        // what changed() was called for last; of the thread, once it has begun
  oauth::KeptFresh fresh_;  // the last: its thread uses the others
};

}  // namespace writ::server
