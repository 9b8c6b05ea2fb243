// The identity providers whose word Writ takes for who a user is.
//
// Each has its issuer, its keys, the audience its tokens must be for, and the names of the claims that carry
// what Writ needs. A token of anyone else is refused. Immutable after construction; thread-safe.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "base/result.h"
#include "base/times.h"
#include "jose/jwk.h"

namespace writ::oauth {

// Which of the provider's claims mean what. An empty name: the provider does not say.
struct ClaimMapping {
  std::string subject = "sub";
  std::string tenant = "tenant";
  std::string acr = "acr";
  std::string auth_time = "auth_time";
};

struct TrustedIssuer {
  std::string issuer;
  std::string audience;
  jose::JwkSet keys;
  ClaimMapping mapping;
  Duration max_token_lifetime = std::chrono::hours(24);
};

// A user, as a provider named and described them.
struct ExternalSubject {
  std::string id;
  std::optional<std::string> tenant;
  std::optional<std::string> acr;
  std::optional<Instant> auth_time;
  Instant expires_at;  // of the provider's token
};

class TrustedIssuers {
 public:
  // Refuses two entries for one issuer.
  static Result<TrustedIssuers> of(std::vector<TrustedIssuer> issuers);

  const TrustedIssuer* find(std::string_view issuer) const noexcept;
  // An ID token, or another JWT of the provider.
  std::expected<ExternalSubject, Denial> verify(std::string_view token, Times now) const;

 private:
  explicit TrustedIssuers(std::vector<TrustedIssuer> issuers) : issuers_(std::move(issuers)) {}
  std::vector<TrustedIssuer> issuers_;
};

}  // namespace writ::oauth
