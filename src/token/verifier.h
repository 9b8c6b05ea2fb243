// The one place that verifies access tokens (RFC 9068 §4, RFC 9449 §7).
//
// Verifier turns token::Presented into token::Verified or a Denial. Tokens of other issuers go the same way,
// where ForeignTokens are given (token/foreign.h). What costs a signature check is kept in a
// bounded cache with the token's text; expiry, revocation and sender binding are checked on every use, also
// on a cache hit. The keys are an immutable snapshot that set_keys() swaps; when one of them is gone, what
// was verified before is verified again. Thread-safe. Times are arguments.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/denial.h"
#include "base/published.h"
#include "base/times.h"
#include "jose/jwk.h"
#include "token/foreign.h"
#include "token/presented.h"
#include "token/proof.h"
#include "token/replay.h"
#include "token/revocation.h"
#include "token/token_attempts.h"
#include "token/verified.h"

namespace writ::token {

// How far another clock may be ahead of ours: for `nbf` and `iat`. There is no leeway for `exp`.
inline constexpr Duration kClockSkew = std::chrono::seconds(5);

struct VerifierOptions {
  std::string issuer;  // Writ's own
  std::size_t cache_entries = 16 * 1024;
  const ForeignTokens* foreign = nullptr;  // null: only Writ's own tokens are accepted
};

class VerifiedCache;

class Verifier {
 public:
  // What it refers to must outlive it.
  Verifier(VerifierOptions options, jose::JwkSet keys, const Revocations& revocations, ReplayGuard& replays);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // Without a target no proof can be checked, and a sender-bound token is refused. `brought`, if it is given,
  // is asked before a signature is looked at, and told how that ended. `api`: where the token was brought, by
  // its id; what nobody signed (opaque tokens, API keys) is good only where that is known.
  std::expected<Verified, Denial> verify(const Presented& presented, const std::optional<ProofTarget>& target,
                                         Times now, Brought* brought = nullptr,
                                         std::string_view api = {}) const;

  // The same without a look at its proof or certificate: for choosing what to show and to read, never for
  // letting something pass.
  std::expected<Verified, Denial> glance(std::string_view token, Times now, Brought* brought = nullptr,
                                         std::string_view api = {}) const;

  // An access token of Writ's that came as a parameter and not with a request (token exchange): there is no
  // proof, so the binding is for the caller to deal with. Everything else is checked the same.
  std::expected<Verified, Denial> verify_parameter(std::string_view token, Times now,
                                                   Brought* brought = nullptr) const;

  // A token that was issued just now is looked at before it comes back, where there is a free place to
  // remember it in. So its first use waits for nobody who guesses behind the same address.
  void look_ahead(std::string_view token, Times now) const;

  // Is there a token of this subject's that was verified or issued here, and has not expired? A look at all
  // that is remembered.
  bool in_use(std::string_view subject, Times now) const;

  // Whether something that a token of a provider came of is over (came_from.h).
  bool any_ended(std::span<const std::string> came_from, Instant issued_at) const {
    return revocations_.any_revoked(came_from, issued_at);
  }

  // Whether a token that was verified a while ago is still good: not expired, not revoked.
  std::expected<void, Denial> still_good(const Verified& token, Times now) const;

  // Another issuer's token as it is used in this request: in the task that the request names, and with the
  // agent that holds it in the chain, as when an agent takes over a token of Writ's. Refuses an agent that
  // the token does not let act.
  static std::expected<Verified, Denial> in_request(const Verified& foreign,
                                                    std::optional<std::string_view> task, bool held_by_agent);
  // As ForeignTokens::wait_for().
  bool wait_for(const BroughtThere& brought, std::move_only_function<void()>& then) const {
    return options_.foreign != nullptr && options_.foreign->wait_for(brought, then);
  }

  // One call at a time.
  void set_keys(jose::JwkSet keys);
  const std::string& issuer() const noexcept { return options_.issuer; }
  std::size_t cached() const;

 private:
  using Claims = std::shared_ptr<const AccessClaims>;
  struct Keys {
    jose::JwkSet set;
    std::uint64_t generation;
  };

  enum class Whose : bool { kOurs, kAnybodys };
  std::expected<Claims, Denial> valid_claims(std::string_view token, Times now, Brought* brought, Whose whose,
                                             std::string_view api = {}) const;
  std::expected<Claims, Denial> look_at(std::string_view token, const Keys& keys, Times now, Brought* brought,
                                        Whose whose, std::string_view api) const;
  bool stands(const AccessClaims& claims, Times now) const;
  std::expected<Claims, Denial> verify_signature(std::string_view token, const Keys& keys) const;
  std::expected<void, Denial> check_now(const AccessClaims& claims, Times now) const;
  std::expected<void, Denial> check_binding(const Presented& presented, const AccessClaims& claims,
                                            const std::optional<ProofTarget>& target, Times now) const;

  VerifierOptions options_;
  Published<Keys> keys_;
  const Revocations& revocations_;
  ReplayGuard& replays_;
  std::unique_ptr<VerifiedCache> cache_;
};

}  // namespace writ::token
