// Assertions: JWTs that another party signed, about itself (RFC 7523 client authentication) or about a user
// (an identity provider's token in an RFC 8693 exchange).
//
// Verified against the rules for exactly one issuer, which the caller chose: by the client it authenticates,
// or by the `iss` of unverified_issuer(). An Assertion is never an access token of Writ. Pure but for `now`.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "base/times.h"
#include "codec/json.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "token/verifier.h"

namespace writ::token {

struct AssertionRules {
  std::string_view issuer;
  const jose::JwkSet& keys;
  // The token names exactly one, and it is one of these. None: the caller looks at all that it names.
  std::vector<std::string_view> audiences;
  std::vector<std::string_view> types;  // accepted `typ`; "" accepts a token without one
  Duration max_lifetime;                // from `iat`, or where there is none from now, to `exp`
  bool needs_issued_at = false;         // without `iat` nobody knows how old it is
  Duration tolerance = kClockSkew;      // of `nbf` and `iat`, for clocks that go ahead of ours
  crypto::AlgorithmSet algorithms = crypto::kAllAlgorithms;
  bool needs_subject = true;
  // False: it may name no issuer, as a SPIFFE JWT-SVID; the caller knows whose it is by its subject.
  bool needs_issuer = true;
  bool among_others = false;  // the token may name further audiences: the caller looks at them
  // A token that no key of `keys` can verify is verified with one for its algorithm here: then the time does
  // not tell which keys there are. Empty: it does.
  std::span<const jose::Jwk> decoys = {};
};

inline constexpr std::size_t kMaxAudiences = 16;

struct Assertion {
  std::string issuer;
  std::string subject;                 // empty: it names none, and need not
  std::string audience;                // the one of the rules
  std::vector<std::string> audiences;  // all of them
  std::optional<std::string> jti;
  Instant expires_at;
  std::string key_id = {};  // of the key that verified it: its kid, else its thumbprint
  codec::Json claims = {};  // all of them
};

std::expected<Assertion, Denial> verify_assertion(std::string_view text, const AssertionRules& rules,
                                                  Times now);
std::expected<Assertion, Denial> verify_assertion(const jose::UnverifiedJws& jws, const AssertionRules& rules,
                                                  Times now);

// The same of claims that nobody signed, because their issuer itself told them (RFC 7662). Of the rules, what
// is about signatures and types is left out.
std::expected<Assertion, Denial> told_assertion(codec::Json claims, const AssertionRules& rules, Times now);

// Whose rules to verify it with. Nothing else of an unverified assertion is ever read.
std::expected<std::string, Denial> unverified_issuer(std::string_view text);
// The same of one that names no issuer: the trust domain of its subject ("spiffe://acme.example" of
// "spiffe://acme.example/export"; SPIFFE JWT-SVID §3.1).
std::expected<std::string, Denial> unverified_trust_domain(std::string_view text);

}  // namespace writ::token
