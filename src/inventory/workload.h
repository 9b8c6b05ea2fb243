// How a client without a secret of its own shows who it is: by the token that its platform gave it, or by the
// certificate of its connection. Parts of an Identity (inventory/identity.h).
//
// A WorkloadRule is what such a token must say, all of it and exactly; no value stands for several. Whether a
// rule says enough for the platform that it is about is checked where the configuration is read
// (oauth/workload_profiles.h). Plain values with strict JSON in both directions; pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"

namespace writ::inventory {

inline constexpr std::size_t kMaxWorkloadRules = 16;        // of one identity
inline constexpr std::size_t kMaxConditions = 32;           // of one rule
inline constexpr std::size_t kMaxConditionValues = 64;      // of one condition
inline constexpr std::size_t kMaxConditionBytes = 1024;     // of one value
inline constexpr std::size_t kMaxConditionDepth = 4;        // names to a member
inline constexpr std::size_t kMaxCertificateRules = 16;     // of one identity
inline constexpr std::size_t kMaxWorkloadFactBytes = 1024;  // of one fact

using ClaimNames = std::vector<std::string>;  // a claim, or the way to a member of one

// The claim is a text, a number or a boolean, and is written as one of these.
struct ClaimCondition {
  ClaimNames path;
  std::vector<std::string> values;
};

struct WorkloadRule {
  std::string issuer;
  std::optional<std::string> audience = {};  // absent: the one that its issuer's tokens are for
  std::vector<ClaimCondition> claims = {};
  // What of the token policies may read, by the names that they use.
  std::vector<std::pair<std::string, ClaimNames>> facts = {};
};

// A certificate in TLS (RFC 8705): exactly one of these.
struct CertificateRule {
  std::string uri = {};         // §2.1: the only URI among its names, for example a SPIFFE id
  std::string dns = {};         // §2.1: one of its DNS names
  std::string thumbprint = {};  // §2.2: the SHA-256 of it, in base64url

  // The one that there is: what the certificate is called among an identity's credentials.
  const std::string& name() const noexcept { return !uri.empty() ? uri : !dns.empty() ? dns : thumbprint; }
};

// The secret before the one in force, while clients change.
struct PreviousSecret {
  std::string hash;
  Instant until;
};

// What policies may read of a workload: the names of facts.
std::span<const std::string_view> workload_fact_names() noexcept;

// As text, what such a condition compares; nothing for lists, objects and null, and where there is no claim.
std::optional<std::string> claim_text(const codec::Json& claims, const ClaimNames& path);
// For people: "kubernetes.io.namespace".
std::string claim_name(const ClaimNames& path);

// The claims that a token has to have: a map from claims to a value or a list of them. A map in it is about
// members. Refuses what is empty, too much, or has a `*`.
Result<std::vector<ClaimCondition>> conditions_from_json(const codec::Json& json);
const ClaimCondition* condition_of(const WorkloadRule& rule, const ClaimNames& path) noexcept;
// Whether there could be a token that satisfies both.
bool could_be_one(const WorkloadRule& one, const WorkloadRule& other) noexcept;

Result<WorkloadRule> workload_from_json(const codec::Json& json);
codec::Json workload_to_json(const WorkloadRule& rule);
Result<CertificateRule> certificate_from_json(const codec::Json& json);
codec::Json certificate_to_json(const CertificateRule& rule);

}  // namespace writ::inventory
