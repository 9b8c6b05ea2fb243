#include "oauth/assertion_attempts.h"

#include <string>

namespace writ::oauth {

AssertionAttempts::AssertionAttempts(SecretAttempts::Options options, std::size_t remembered)
    : attempts_(std::move(options)), signers_(remembered) {}

AssertionAttempts::Attempt AssertionAttempts::attempt(std::string_view peer_ip, std::string_view client,
                                                      Instant now) const {
  const auto counted = attempts_.attempt(peer_ip, client);
  const auto signer = signers_.fingerprint(client, "assertion", Secret(std::to_string(counted.source)));
  return {signers_.contains(signer, now) ? attempts_.alone(counted) : counted, signer};
}

void AssertionAttempts::end(const Attempt& attempt, bool good, Instant now) {
  attempts_.end(attempt.counted, good, now);
  if (good) signers_.remember(attempt.signer, now);
}

}  // namespace writ::oauth
