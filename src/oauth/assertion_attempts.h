// AssertionAttempts: how often somebody signed a client assertion with a key that is not the client's, so
// that forging slows the forger, as guessing does (oauth/secret_attempts.h).
//
// The limit is that of wrong secrets, counted apart from them: who is slowed by the one may still use the
// other. An assertion is new each time, so none can be known as good beforehand. What is known is which
// client showed a good one from which source a short while ago: it is counted alone from there, so that
// neighbours behind its address do not hold it up. Thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "crypto/hash.h"
#include "oauth/secret_attempts.h"
#include "oauth/verified_secrets.h"

namespace writ::oauth {

class AssertionAttempts {
 public:
  AssertionAttempts(SecretAttempts::Options options, std::size_t remembered);

  // One assertion. A plain value.
  struct Attempt {
    SecretAttempts::Attempt counted;
    crypto::Digest signer;
  };
  Attempt attempt(std::string_view peer_ip, std::string_view client, Instant now) const;
  // Nothing: go on, and say whether its signature was good. Else how long to wait.
  std::optional<Duration> begin(const Attempt& attempt, Instant now) {
    return attempts_.begin(attempt.counted, now);
  }
  void end(const Attempt& attempt, bool good, Instant now);

  http::AttemptStats stats() const noexcept { return attempts_.stats(); }

 private:
  SecretAttempts attempts_;
  VerifiedSecrets signers_;
};

}  // namespace writ::oauth
