// IssuerKeys: the keys of one provider that are at a URL, kept fresh (kept_fresh.h).
//
// Readers take a published set; nobody who knows its key ever waits for a fetch, nor for a lock that is held
// over one. A token that names a key which is not there causes a fetch, at most so often. A set that was
// fetched replaces the one before whole, so removed keys are gone. When the last good one is too old, tokens
// of the issuer are refused. Each good set is kept in a file, and a start goes on with that. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/published.h"
#include "base/times.h"
#include "http/fetcher.h"
#include "oauth/fetched_keys.h"
#include "oauth/kept_fresh.h"
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
  IssuerKeys(const IssuerKeys&) = delete;
  IssuerKeys& operator=(const IssuerKeys&) = delete;

  // Takes up the kept set, and begins to fetch. Once.
  void start();
  void begin_stop() { fresh_.begin_stop(); }
  void stop() { fresh_.stop(); }

  // What there is and is not too old; or null.
  std::shared_ptr<const FetchedKeys> in_force(Times now) const;
  // Another number after each set with other keys. Whoever verifies reads it before the keys.
  std::uint64_t edition() const noexcept { return edition_.load(std::memory_order_acquire); }
  // Whether those of that edition are still in force. For threads that read all the time.
  bool stands(std::uint64_t edition, Times now) const;

  using Then = KeptFresh::Then;
  // For a token that names this key: KeptFresh::wait_for_fetch, where it is not known.
  bool wait_for(std::optional<std::string_view> kid, Then& then);

  IssuerKeysStatus status() const;
  const std::string& issuer() const noexcept { return issuer_; }

 private:
  void take_up();
  Result<KeptFresh::Freshness> refresh();
  Result<std::string> discover() const;
  Result<void> bring_in_force(FetchedKeys keys);

  const std::string issuer_;
  const KeyLocation location_;
  const jose::KeyRules rules_;
  const IssuerKeysParts parts_;
  Published<FetchedKeys> set_{nullptr};
  std::atomic<std::uint64_t> edition_{0};
  KeptFresh fresh_;  // the last: its thread uses the others
};

}  // namespace writ::oauth
