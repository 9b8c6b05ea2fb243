// Identities and APIs: who can take part in a request, and what is protected.
//
// Plain values with strict JSON in both directions. Ids are unique across the four kinds, so an audit record
// or an `act` claim names exactly one identity. Times and secrets: a client's secret is only ever held as its
// hash. Dates are moments; one that is given as a day is the first moment of it, in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"
#include "codec/name.h"
#include "inventory/workload.h"
#include "jose/jwk.h"

namespace writ::inventory {

inline constexpr std::size_t kMaxIdBytes = 128;  // of what authenticates to Writ, and of APIs
inline constexpr std::size_t kMaxDescriptionBytes = 1024;
inline constexpr std::size_t kMaxUserIdBytes =
    codec::kMaxNameBytes;                                     // providers choose what users are called
inline constexpr std::size_t kMaxAttributeBytes = 16 * 1024;  // of one identity, as JSON
inline constexpr std::size_t kMaxListEntries = 256;
inline constexpr std::size_t kMaxEvidenceBytes = 256 * 1024;  // of one identity, as JSON

enum class Kind : std::uint8_t { kUser, kApplication, kService, kAgent };
// From the mildest to the strictest; all but the first refuse, each with a reason of its own.
enum class Status : std::uint8_t {
  kActive,
  kRequested,  // nobody has said yes to it so far
  kLapsed,     // its review is overdue
  kSuspended,
  kExpired,
  kRetired
};

std::string_view kind_name(Kind kind) noexcept;  // "user", "application", "service", "agent"
std::optional<Kind> kind_from_name(std::string_view name) noexcept;
// Its Cedar type: "Writ::User".
std::string_view cedar_type(Kind kind) noexcept;
// "active", "requested", "lapsed", "suspended", "expired", "retired"
std::string_view status_name(Status status) noexcept;
std::optional<Status> status_from_name(std::string_view name) noexcept;
// What people may say; kLapsed and kExpired come of dates alone.
bool can_be_said(Status status) noexcept;
// A date as configuration and JSON have it: `2027-01-31`, `2027-01-31T12:00:00Z`; not before 1970.
std::optional<Instant> date_from_text(std::string_view text) noexcept;
std::string date_text(Instant date);  // the shorter of these that says it all

// In `acts_for`: any user.
inline constexpr std::string_view kAnyUser = "users";

// For what nobody can tell. A fact that is said to be so is absent.
inline constexpr std::string_view kNotKnown = "unknown";

enum class CredentialType : std::uint8_t {
  kSecret,
  kKey,
  kCertificate,
  kToken,
  kPassword,
  kFederation,
  kApiKey,
  kUnknown
};
std::string_view credential_type_name(CredentialType type) noexcept;  // "secret", "key", ...
std::optional<CredentialType> credential_type_from_name(std::string_view name) noexcept;

// What is known of a credential, never the credential. Of those that Writ itself knows it says more: a
// kSecret is the client's secret here, a kKey with the id of one of `keys` is that key. Others are known from
// elsewhere, and nobody can authenticate to Writ with them.
struct Credential {
  CredentialType type;
  std::string id = {};  // of a key its kid, else its thumbprint
  std::optional<std::string> strength = {};
  std::optional<Instant> created_at = {}, expires_at = {}, last_used_at = {};
  std::optional<bool> bound = {};  // to a device or a workload: a copy of it is worth nothing
};

struct Identity {
  std::string id;
  Kind kind;
  // What the configuration says. In force is the stricter of this and of what operators ordered: see Member.
  Status configured_status = Status::kActive;
  std::optional<std::string> tenant;
  std::optional<std::string> environment;
  std::optional<std::string> owner;  // the id of a user
  // Whom it may act for directly: ids of identities, or kAnyUser. These are the edges of delegation; what is
  // not here is refused with delegation_not_authorised.
  std::vector<std::string> acts_for;
  // The clients whose provider tokens, made for them, it may exchange when it is addressed too. Within
  // acts_for.
  std::vector<std::string> accept_from = {};
  std::vector<std::string> purposes;                   // that it may ask tokens for
  codec::Json attributes = codec::Json::object();      // what else policies may read
  std::optional<std::string> secret_hash;              // crypto/secret_hash.h
  std::vector<jose::Jwk> keys;                         // for private_key_jwt
  std::optional<PreviousSecret> previous_secret = {};  // good beside secret_hash, for a while
  std::vector<WorkloadRule> workloads = {};            // the platform's tokens that show that it is this one
  std::vector<CertificateRule> certificates = {};      // and certificates
  std::vector<std::string> introspects = {};           // the APIs whose tokens it may ask about (RFC 7662)
  bool certificate_bound = false;                      // its tokens are, to its connection's (RFC 8705 §3)
  // People's answers. The ids are of users, but for `parent`.
  std::optional<std::string> sponsor = {};      // of an agent: the person that answers for it
  std::optional<std::string> parent = {};       // the identity that it was made by or is a part of
  std::optional<std::string> description = {};  // what it is there for
  std::optional<std::string> provider = {}, model = {}, blueprint = {};
  std::optional<Instant> created_at = {};
  std::optional<Instant> expires_at = {};   // from then on it is kExpired
  std::optional<Instant> reviewed_at = {};  // somebody last confirmed that it is needed as it is
  std::optional<Instant> review_by = {};    // from then on it is kLapsed, unless it was confirmed again
  std::vector<Credential> credentials = {};
  // What other systems say of it, an array of what `writ inventory import` read; or null. It is shown, and
  // permits nothing.
  codec::Json evidence = {};
  bool needs_owner = false;  // it may act only while its owner is active
  bool declared = false;     // it comes from the configuration
  bool dropped = false;      // retired because the configuration does not declare it any more
};

struct Api {
  std::string id;
  std::string audience;              // a URI; unique
  std::string name_space;            // of its Cedar actions: "Billing" for Billing::Action::"read"
  std::vector<std::string> actions;  // "read", "credit"
  // The claims its tokens carry beside the standard ones; absent: all that are known, or those of its
  // contract.
  std::optional<std::vector<std::string>> claims;
  bool declared = false;
  bool by_contract = false;             // its tokens carry what the contract says (docs/claims.md)
  std::vector<std::string> reads = {};  // the claims that it reads itself
  bool api_keys = false;                // it takes API keys (inventory/api_key.h)

  std::string action_type() const { return name_space.empty() ? "Action" : name_space + "::Action"; }
};

// An operator's order, over the API: whoever has this id is stopped, listed or not, whatever the
// configuration says. kActive: there is no such order (any more). Retired is for good.
struct Stop {
  std::string id;
  Status status;
  friend bool operator==(const Stop&, const Stop&) = default;
};

// The id of an application, a service, an agent or an API: printable ASCII without quotes, backslash and
// space. A user is called whatever a provider may call it (codec/name.h).
bool valid_id(std::string_view id) noexcept;

// A confirmation over the API that an identity is needed as it is. It stays beside what the configuration
// says; of the two the later one counts, with its own date for the next.
struct Review {
  std::string id;
  Instant at;
  std::string by;
  Instant next;
  friend bool operator==(const Review&, const Review&) = default;
};

// The fact about the credential; null: nothing is known.
const Credential* credential_of(const Identity& identity, CredentialType type,
                                std::string_view id = {}) noexcept;

// What a request may say of an identity. A member `secret` is not read here; the caller hashes it.
Result<Identity> identity_from_json(const codec::Json& json);
Result<Api> api_from_json(const codec::Json& json);
// For people and programs: no secret hash; keys by their ids.
codec::Json identity_to_json(const Identity& identity, Status ordered);
// What identity_to_json() said, without the credentials; the status is the one that was in force.
Result<Identity> identity_from_shown(std::string_view text);
codec::Json stop_to_json(const Stop& stop);  // of an id that is not listed
codec::Json api_to_json(const Api& api);
// For the store: everything.
std::string identity_record(const Identity& identity);
Result<Identity> identity_from_record(std::string_view text);
std::string api_record(const Api& api);
Result<Api> api_from_record(std::string_view text);

// Whether its members agree with each other. Both readers above call it; code that makes one must too.
Result<void> validate(const Identity& identity);
Result<void> validate(const Api& api);

}  // namespace writ::inventory
