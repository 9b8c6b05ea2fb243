#include "oauth/trusted_issuers.h"

#include "token/assertion.h"
#include "token/claims.h"

namespace writ::oauth {
namespace {

std::unexpected<Denial> malformed(std::string_view claim) {
  return std::unexpected(
      Denial{Reason::kTokenMalformed, "the token's `" + std::string(claim) + "` cannot be used"});
}

bool usable(const std::string& text) {
  if (text.empty() || text.size() > token::kMaxClaimBytes) return false;
  for (const unsigned char c : text) {
    if (c < 0x20 || c == 0x7F) return false;
  }
  return true;
}

// Absent is fine where the caller says so; present in another shape is not.
std::expected<std::optional<std::string>, Denial> mapped_text(const codec::Json& claims,
                                                              const std::string& name) {
  const auto* value = name.empty() ? nullptr : claims.find(name);
  if (value == nullptr) return std::nullopt;
  const auto* text = value->if_string();
  if (text == nullptr || !usable(*text)) return malformed(name);
  return *text;
}

std::expected<std::optional<Instant>, Denial> mapped_date(const codec::Json& claims,
                                                          const std::string& name) {
  const auto* value = name.empty() ? nullptr : claims.find(name);
  if (value == nullptr) return std::nullopt;
  const auto instant = token::numeric_date(*value, name);
  if (!instant) return malformed(name);
  return *instant;
}

}  // namespace

Result<TrustedIssuers> TrustedIssuers::of(std::vector<TrustedIssuer> issuers) {
  for (std::size_t i = 0; i < issuers.size(); ++i) {
    if (issuers[i].issuer.empty() || issuers[i].audience.empty() || issuers[i].mapping.subject.empty()) {
      return failure(ErrorCode::kInvalid,
                     "trusted issuer: issuer, audience and subject claim must not be empty");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (issuers[i].issuer == issuers[j].issuer) {
        return failure(ErrorCode::kConflict, "trusted issuer `" + issuers[i].issuer + "` is given twice");
      }
    }
  }
  return TrustedIssuers(std::move(issuers));
}

const TrustedIssuer* TrustedIssuers::find(std::string_view issuer) const noexcept {
  for (const auto& trusted : issuers_) {
    if (trusted.issuer == issuer) return &trusted;
  }
  return nullptr;
}

std::expected<ExternalSubject, Denial> TrustedIssuers::verify(std::string_view text, Times now) const {
  const auto issuer = TRY(token::unverified_issuer(text));
  const auto* trusted = find(issuer);
  if (trusted == nullptr) {
    return std::unexpected(Denial{Reason::kTokenIssuer, "the token's issuer is not a trusted one"});
  }
  // A proof or a Writ access token is not a statement about a user; everything else a provider signs may be
  // typed.
  const token::AssertionRules rules{.issuer = trusted->issuer,
                                    .keys = trusted->keys,
                                    .audiences = {trusted->audience},
                                    .types = {"", "JWT"},
                                    .max_lifetime = trusted->max_token_lifetime};
  const auto assertion = TRY(token::verify_assertion(text, rules, now));
  auto id = TRY(mapped_text(assertion.claims, trusted->mapping.subject));
  if (!id) return malformed(trusted->mapping.subject);
  auto tenant = TRY(mapped_text(assertion.claims, trusted->mapping.tenant));
  auto acr = TRY(mapped_text(assertion.claims, trusted->mapping.acr));
  const auto auth_time = TRY(mapped_date(assertion.claims, trusted->mapping.auth_time));
  return ExternalSubject{*std::move(id), std::move(tenant), std::move(acr), auth_time, assertion.expires_at};
}

}  // namespace writ::oauth
