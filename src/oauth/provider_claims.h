// What a provider's claims say, read strictly: absent is fine where the caller says so, and what is there in
// another shape is refused. Shared by what reads tokens to exchange and access tokens. Pure; internal to
// oauth.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "base/times.h"
#include "codec/json.h"
#include "oauth/trusted_issuers.h"

namespace writ::oauth {

std::unexpected<Denial> malformed(std::string_view claim);
// The issuer's keys are at a URL, and there are none, or they are too old.
Denial keys_unknown(const TrustedIssuer& issuer);
// The issuer is asked about its tokens, and did not say whether this one is good.
Denial issuer_silent(const TrustedIssuer& issuer);

std::expected<std::optional<std::string>, Denial> mapped_text(const codec::Json& claims,
                                                              const ClaimPath& place);
std::expected<std::optional<Instant>, Denial> mapped_date(const codec::Json& claims, const ClaimPath& place);
// When the user logged in: not after the token was issued, or policies that want a new login would take it
// for new for as long.
std::expected<std::optional<Instant>, Denial> login_time(const codec::Json& claims, const ClaimPath& place,
                                                         const TrustedIssuer& by);

inline constexpr std::size_t kMaxFactTexts = 256;
inline constexpr std::size_t kMaxFactBytes = 8 * 1024;
// An array of texts, or one text, which for scopes is several with spaces between (RFC 6749 §3.3). Refuses
// more than the limits.
enum class OneText : bool { kIsOne, kIsWords };
std::expected<std::optional<std::vector<std::string>>, Denial> mapped_texts(const codec::Json& claims,
                                                                            const ClaimPath& place,
                                                                            OneText one);

// The session, the subject and the token that these claims are of, where the issuer tells when they are over.
// Refuses what could never be told of, since no logout token can name it. `user`: what the provider calls the
// user here. Where that is not `sub` (Entra, Okta), either name ends them.
std::expected<std::vector<std::string>, Denial> came_from_of(const codec::Json& claims, const ClaimPath& user,
                                                             const TrustedIssuer& by);

// The client that a token was made for: each provider has a claim of its own for it, and all that are there
// have to say the same.
std::expected<std::optional<std::string>, Denial> named_client(const codec::Json& claims);

// `may_act`: what the provider calls the only party that may take the token over, or act for the user with
// it.
std::expected<std::optional<std::string>, Denial> named_actor(const codec::Json& claims,
                                                              std::string_view issuer);

}  // namespace writ::oauth
