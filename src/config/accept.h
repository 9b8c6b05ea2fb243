// What the configuration says of a provider's own access tokens: its profile, the claims that become facts,
// and which APIs take its tokens (`accept`). Used while reading it (docs/providers.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "files/fields.h"
#include "oauth/trusted_issuers.h"

namespace writ::config {

// What stands in an issuer for the provider's own name of a tenant, and in its prefix with it.
inline constexpr std::string_view kTenantPlace = "{tenantid}";

// A text is the name of a claim, a list of texts the way to a member of one. Nothing when it is absent.
std::optional<oauth::ClaimPath> read_claim_path(const files::Fields& fields, std::string_view key);

// `profile`, or RFC 9068's.
const oauth::Profile& read_profile(const files::Fields& issuer);
// `claims` over what the profile says.
void read_claims(const files::Fields& fields, oauth::TrustedIssuer& issuer);
// `tenants`: a list, or a map from the provider's names to Writ's.
void read_tenants(const files::Fields& fields, oauth::TrustedIssuer& issuer);
// `facts` and `accept`.
void read_accept(const files::Fields& fields, oauth::TrustedIssuer& issuer);
// An issuer with kTenantPlace in it is one issuer for each of its tenants.
std::vector<oauth::TrustedIssuer> one_for_each_tenant(oauth::TrustedIssuer issuer);

// What the issuers' users would be called here that `links` joins to identities, and these.
std::map<std::string, std::string, std::less<>> user_links(const Config& config);

// Whether the APIs and identities are there that `accept` and `links` of these issuers name.
void check_accept(const std::vector<files::YamlNode>& issuers, const Config& config, files::Source& source);

}  // namespace writ::config
