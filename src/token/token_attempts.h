// TokenAttempts: how often somebody brought a token that was never good, so that guessing slows the guesser.
//
// A token that was verified before, or issued here, is in the verifier's cache and costs no attempt: whoever
// holds one goes on, whatever others do behind the same address. For all others a source (http/source.h) has
// some wrong tokens free and gets one back from time to time; when it has none left it has to wait, and
// nothing is looked at for it. The operator's proxies have no limit as a source. An attempt counts as wrong
// until it is found right.
//
// Bounded, as Debts are. Thread-safe; a short lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "http/debts.h"
#include "http/source.h"

namespace writ::token {

class TokenAttempts {
 public:
  struct Options {
    std::size_t wrong_per_minute = 60;  // of one source, and as many at once
    http::Networks proxies = {};
  };
  explicit TokenAttempts(Options options);

  // Where a token comes from.
  using From = http::Guesser;
  From from(std::string_view peer_ip) const;

  // How long to wait; nothing: it may be looked at.
  std::optional<Duration> wait(const From& from, Instant now) const;
  // The same, and counts it. Then say how it ended.
  std::optional<Duration> begin(const From& from, Instant now);
  void end(const From& from, bool right, Instant now);

  http::AttemptStats stats() const noexcept;

 private:
  std::optional<Duration> wait_of(const From& from, Instant now) const;  // with the lock

  const Options options_;
  const http::HiddenKeys keys_;
  mutable std::mutex mutex_;
  http::Debts sources_;
  std::atomic<std::uint64_t> tried_{0}, right_{0}, slowed_{0};
};

// One request's token on its way to the verifier, and whether it had to wait there.
class Brought {
 public:
  enum class Counts : bool { kNo, kYes };

  // Nobody counts.
  Brought() = default;
  Brought(TokenAttempts* attempts, std::string_view peer_ip, Counts counts)
      : attempts_(attempts), peer_ip_(peer_ip), counts_(counts) {}

  // Whether a token that nobody knows may be looked at.
  bool may_look(Instant now);
  void looked(bool right, Instant now);
  // Its issuer has to be asked for the key first: it is not counted, unless `in_vain` is said.
  void awaits_key(Instant now);
  void in_vain(Instant now);
  bool awaits_key() const noexcept { return awaits_key_; }
  // More than nothing: it was not looked at, and may be after that time.
  Duration wait() const noexcept { return wait_; }

 private:
  TokenAttempts* attempts_ = nullptr;
  std::string_view peer_ip_;
  Counts counts_ = Counts::kNo;
  TokenAttempts::From from_{};
  Duration wait_{0};
  bool awaits_key_ = false;
};

}  // namespace writ::token
