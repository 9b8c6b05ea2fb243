#include "token/assertion.h"

#include <algorithm>

#include "jose/jws.h"
#include "token/claims.h"
#include "token/jwt_rules.h"

namespace writ::token {
namespace {

bool accepted_type(const jose::UnverifiedJws& jws, const AssertionRules& rules) {
  return std::ranges::any_of(rules.types,
                             [&](auto type) { return type.empty() ? !jws.typ() : is_type(jws.typ(), type); });
}

const std::string* usable_text(const codec::Json& claims, std::string_view name) {
  const auto* text = claims.find_string(name);
  return text == nullptr || text->empty() || text->size() > kMaxClaimBytes ? nullptr : text;
}

// RFC 7519 §4.1.3: a string, or an array of them. Nothing where it is neither.
std::vector<std::string> audiences_of(const codec::Json& claims) {
  const auto* aud = claims.find("aud");
  if (aud == nullptr) return {};
  if (const auto* one = aud->if_string()) return {*one};
  const auto* items = aud->if_array();
  if (items == nullptr || items->size() > kMaxAudiences) return {};
  std::vector<std::string> all;
  for (const auto& item : *items) {
    const auto* text = item.if_string();
    if (text == nullptr) return {};
    all.push_back(*text);
  }
  return all;
}

// A JWT for several servers could be passed on by each of them.
std::optional<std::string> accepted_audience(const std::vector<std::string>& named,
                                             const AssertionRules& rules) {
  if (named.size() > 1 && !rules.among_others) return std::nullopt;
  const auto found = std::ranges::find_if(named, [&](const std::string& each) {
    return std::ranges::find(rules.audiences, each) != rules.audiences.end();
  });
  return found != named.end() ? std::optional(*found) : std::nullopt;
}

std::expected<std::optional<Instant>, Denial> date(const codec::Json& claims, std::string_view name) {
  const auto* value = claims.find(name);
  if (value == nullptr) return std::nullopt;
  const auto instant = numeric_date(*value, name);
  if (!instant) return denied(Reason::kTokenMalformed, instant.error().message);
  return *instant;
}

std::expected<Instant, Denial> check_times(const codec::Json& claims, const AssertionRules& rules,
                                           Times now) {
  const auto expires_at = TRY(date(claims, "exp"));
  const auto issued_at = TRY(date(claims, "iat"));
  const auto not_before = TRY(date(claims, "nbf"));
  if (!expires_at) return denied(Reason::kTokenMalformed, "token: `exp` is missing");
  if (!issued_at && rules.needs_issued_at)
    return denied(Reason::kTokenMalformed, "token: `iat` is missing, so nobody knows how old it is");
  TRY(check_lifetime({issued_at.value_or(now.earliest), not_before.value_or(now.earliest), *expires_at},
                     rules.tolerance, now));
  if (*expires_at > now.earliest + rules.max_lifetime + rules.tolerance)
    return denied(Reason::kTokenMalformed, "token: `exp` is too far in the future");
  // Whoever made it long ago vouched for what was true long ago.
  if (issued_at && *expires_at > *issued_at + rules.max_lifetime + kClockSkew)
    return denied(Reason::kTokenMalformed, "token: `exp` is too long after `iat`");
  return *expires_at;
}

void verify_with_decoy(const jose::UnverifiedJws& jws, std::span<const jose::Jwk> decoys) {
  for (const auto& decoy : decoys) {
    if (jws.algorithm() && decoy.allows(*jws.algorithm())) (void)jws.verify(decoy);
  }
}

}  // namespace

std::expected<std::string, Denial> unverified_issuer(std::string_view text) {
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  if (!jws) return denied(Reason::kTokenMalformed, jws.error().message);
  const auto claims = jose::parse_claims(jws->unverified_payload());
  const auto* issuer = claims ? usable_text(*claims, "iss") : nullptr;
  if (issuer == nullptr) return denied(Reason::kTokenMalformed, "token: no usable `iss`");
  return *issuer;
}

std::expected<std::string, Denial> unverified_trust_domain(std::string_view text) {
  constexpr std::string_view kScheme = "spiffe://";
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  if (!jws) return denied(Reason::kTokenMalformed, jws.error().message);
  const auto claims = jose::parse_claims(jws->unverified_payload());
  const auto* subject = claims ? usable_text(*claims, "sub") : nullptr;
  if (!claims || claims->find("iss") != nullptr || subject == nullptr || !subject->starts_with(kScheme))
    return denied(Reason::kTokenMalformed, "token: neither a usable `iss` nor a SPIFFE id as `sub`");
  return subject->substr(0, subject->find('/', kScheme.size()));
}

std::expected<Assertion, Denial> verify_assertion(std::string_view text, const AssertionRules& rules,
                                                  Times now) {
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  if (!jws) return denied(Reason::kTokenMalformed, jws.error().message);
  return verify_assertion(*jws, rules, now);
}

std::expected<Assertion, Denial> verify_assertion(const jose::UnverifiedJws& jws, const AssertionRules& rules,
                                                  Times now) {
  if (!accepted_type(jws, rules)) return denied(Reason::kTokenType, "the token is not of an accepted type");
  const auto algorithm = jws.algorithm();
  if (!algorithm || !rules.algorithms.contains(*algorithm))
    return denied(Reason::kTokenSignature, "the token's algorithm is `" + std::string(jws.alg()) +
                                               "`, expected one of " + rules.algorithms.text());
  const auto* key = rules.keys.find(jws.kid());
  const bool usable = key != nullptr && key->allows(*algorithm);
  if (!usable) verify_with_decoy(jws, rules.decoys);
  if (key == nullptr) return denied(Reason::kTokenSignature, "the token is signed with an unknown key");
  const auto payload = jws.verify(*key);
  if (!payload) return denied(Reason::kTokenSignature, "the token's signature is wrong");

  auto claims = jose::parse_claims(*payload);
  if (!claims) return denied(Reason::kTokenMalformed, claims.error().message);
  auto assertion = TRY(told_assertion(*std::move(claims), rules, now));
  assertion.key_id = key->kid() ? std::string(*key->kid()) : key->thumbprint();
  return assertion;
}

std::expected<Assertion, Denial> told_assertion(codec::Json claims, const AssertionRules& rules, Times now) {
  const auto* issuer = usable_text(claims, "iss");
  const bool names_none = claims.find("iss") == nullptr && !rules.needs_issuer;
  if (!names_none && (issuer == nullptr || *issuer != rules.issuer)) {
    return denied(Reason::kTokenIssuer, "the token is not of the expected issuer");
  }
  // A long one is its reader's to shorten (oauth/trusted_issuers.h): the token has a limit of its own.
  const auto* subject = claims.find_string("sub");
  if (subject != nullptr && subject->empty()) subject = nullptr;
  if (subject == nullptr && (rules.needs_subject || claims.find("sub") != nullptr))
    return denied(Reason::kTokenMalformed, "token: no usable `sub`");
  auto audiences = audiences_of(claims);
  auto audience =
      rules.audiences.empty() ? std::optional<std::string>("") : accepted_audience(audiences, rules);
  if (!audience) {
    return denied(Reason::kAudienceMismatch, "the token is not for this server alone");
  }
  const auto* jti = usable_text(claims, "jti");
  if (jti == nullptr && claims.find("jti") != nullptr) {
    return denied(Reason::kTokenMalformed, "token: no usable `jti`");
  }
  const auto expires_at = TRY(check_times(claims, rules, now));
  Assertion assertion{.issuer = std::string(rules.issuer),
                      .subject = subject == nullptr ? std::string() : *subject,
                      .audience = *std::move(audience),
                      .audiences = std::move(audiences),
                      .jti = jti == nullptr ? std::nullopt : std::optional(*jti),
                      .expires_at = expires_at,
                      .claims = {}};
  assertion.claims = std::move(claims);
  return assertion;
}

}  // namespace writ::token
