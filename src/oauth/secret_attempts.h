// SecretAttempts: how often somebody tried a client's secret and was wrong, so that guessing slows the
// guesser.
//
// A source (http/source.h) has a few wrong secrets free and gets one back from time to time; when it has none
// left it has to wait, and no hash is computed for it. A client has a larger number for all sources together;
// when that is used up, a source that was wrong lately has to wait, and one that was not still gets its try:
// so strangers slow each other, and never lock the client out. The operator's proxies have no limit as a
// source, since who is behind them is not known here. An attempt counts as wrong until it is found right, so
// that many at once are many.
//
// Bounded: where there is no place for another one, whoever owes least is forgotten. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/notice.h"
#include "http/debts.h"
#include "http/source.h"

namespace writ::oauth {

class SecretAttempts {
 public:
  struct Options {
    std::size_t wrong_per_minute = 10;  // of one source, and as many at once
    http::Networks proxies = {};
    std::string_view what = "client secrets are being guessed";  // to the operator
  };
  explicit SecretAttempts(Options options);

  // One secret of one client that is tried from an address. A plain value.
  struct Attempt {
    std::uint64_t source, client;
    bool proxied;
  };
  Attempt attempt(std::string_view peer_ip, std::string_view client) const;
  // The same, counted for this client from this source, and not with the source's others.
  Attempt alone(Attempt attempt) const noexcept;

  // Nothing: go on, and say how it ended. Else how long to wait.
  std::optional<Duration> begin(const Attempt& attempt, Instant now);
  void end(const Attempt& attempt, bool right, Instant now);
  // Was its source wrong in the last ten minutes?
  bool wrong_lately(const Attempt& attempt, Instant now) const;

  http::AttemptStats stats() const noexcept;

 private:
  const Options options_;
  const http::HiddenKeys keys_;
  mutable std::mutex mutex_;
  http::Debts sources_, clients_;
  Notice notice_;
  std::atomic<std::uint64_t> tried_{0}, right_{0}, slowed_{0};
};

}  // namespace writ::oauth
