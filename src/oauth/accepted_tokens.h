// AcceptedTokens: access tokens that providers made and that an API of ours takes as they are
// (docs/providers.md).
//
// What one says becomes the claims that Writ's own token would have: the user by the issuer's prefix, clients
// and actors by the map of what is accepted, never by equal names. It must be an access token as its
// provider's profile has them, for exactly one of our APIs, of a kind, and short-lived enough. One that is
// opaque is what the issuer of the API where it was brought says it is (oauth/token_asker.h), by the same
// rules. Its `task`,
// `purpose` and `environment` are not read, and its tenant only where a profile or the configuration says
// which claim that is. What depends on the inventory (whether the user is one, of which tenant) is for the
// guards, at each use. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "enforce/in_force.h"
#include "jose/jws.h"
#include "oauth/trusted_issuers.h"
#include "token/assertion.h"
#include "token/foreign.h"

namespace writ::oauth {

class AcceptedTokens final : public token::ForeignTokens {
 public:
  // What it refers to must outlive it. `current`: the APIs by their audiences.
  // `clock`: by which answers grow old.
  AcceptedTokens(const TrustedIssuers& issuers, const enforce::Current& current, const Clock& clock);

  std::shared_ptr<const token::AccessClaims> known(std::string_view token, std::string_view api,
                                                   Times now) const override;
  std::optional<token::ForeignAnswer> verify(std::string_view token, std::string_view api,
                                             Times now) const override;
  bool stands(const token::Foreign& foreign, Times now) const override;
  bool wait_for(const token::BroughtThere& brought, std::move_only_function<void()>& then) const override;

  // The issuers whose tokens this API takes, as they are configured, and Writ's own behind them: a caller
  // that has a provider's token needs no other.
  std::vector<std::string> issuers_of(std::string_view api, std::string_view own) const;

 private:
  using Claims = std::shared_ptr<const token::AccessClaims>;
  // What it is, beside what it says: signed, or told by its issuer.
  struct Form {
    std::string_view text;
    bool delegated;
    std::uint64_t edition;
    std::shared_ptr<const std::atomic<Duration::rep>> told_until = {};
  };
  std::expected<Claims, Denial> read_signed(const token::Assertion& assertion,
                                            std::optional<std::string_view> typ, const TrustedIssuer& by,
                                            std::string_view text, std::uint64_t edition) const;
  std::expected<Claims, Denial> read_told(const codec::Json& told, const TrustedIssuer& by,
                                          std::string_view text,
                                          std::shared_ptr<const std::atomic<Duration::rep>> told_until) const;
  std::expected<Claims, Denial> read(const token::Assertion& assertion, const TrustedIssuer& by,
                                     const Form& form) const;
  // Who is asked about tokens that are brought there; null: nobody.
  const TrustedIssuer* asked_at(std::string_view api) const;
  std::expected<const AcceptedAt*, Denial> accepted_at(const std::vector<std::string>& audiences,
                                                       const TrustedIssuer& by, const Accepts& accepts) const;

  const TrustedIssuers& issuers_;
  const enforce::Current& current_;
  const Clock& clock_;
};

}  // namespace writ::oauth
