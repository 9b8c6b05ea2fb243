// The tokens of workloads' platforms as client assertions (RFC 7523 §2.2,
// draft-ietf-oauth-spiffe-client-auth): of Kubernetes, of CI systems, of clouds, of SPIFFE.
//
// The issuer has to be one that names workloads (TrustedIssuer::workloads); its keys verify the token, which
// has to be for its audience alone and short-lived. Whose it is, the inventory's rules say, claim by claim.
// What a caller is told of a rule that does not match is not which one: that is for the audit. Pure but for
// the keys; thread-safe.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/denial.h"
#include "base/times.h"
#include "inventory/identity.h"
#include "oauth/trusted_issuers.h"

namespace writ::oauth {

// A token that its platform made for a workload. Whose it is, nobody has said so far.
struct WorkloadToken {
  const TrustedIssuer* by;
  std::string subject;
  std::string audience;
  std::optional<std::string> jti;
  Instant expires_at;
  codec::Json claims;
};

using WorkloadFacts = std::vector<std::pair<std::string, std::string>>;

// Whose rules and keys it would be verified with: by `iss`, or where there is none by the trust domain of its
// subject. Null: nobody's that names workloads.
const TrustedIssuer* workload_issuer(const TrustedIssuers& issuers, std::string_view text);

// Signature, type, times and kind. The audience is for satisfies() to look at.
std::expected<WorkloadToken, Denial> verify_workload(const TrustedIssuers& issuers, const TrustedIssuer& by,
                                                     std::string_view text, Times now);

// The facts that a rule tells of the token; or why no rule of the identity matches, for the audit.
std::expected<WorkloadFacts, Denial> satisfies(const WorkloadToken& token,
                                               const inventory::Identity& identity);

// As TrustedIssuers::wait_for_keys(), for tokens of workloads alone.
bool wait_for_workload_keys(const TrustedIssuers& issuers, std::string_view text,
                            std::move_only_function<void()>& then);

}  // namespace writ::oauth
