// Identities and APIs: who can take part in a request, and what is protected.
//
// Plain values with strict JSON in both directions. Ids are unique across the four kinds, so an audit record
// or an `act` claim names exactly one identity. Times and secrets: a client's secret is only ever held as its
// hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "codec/name.h"
#include "jose/jwk.h"

namespace writ::inventory {

inline constexpr std::size_t kMaxIdBytes = 128;  // of what authenticates to Writ, and of APIs
inline constexpr std::size_t kMaxUserIdBytes =
    codec::kMaxNameBytes;                                     // providers choose what users are called
inline constexpr std::size_t kMaxAttributeBytes = 16 * 1024;  // of one identity, as JSON
inline constexpr std::size_t kMaxListEntries = 256;

enum class Kind : std::uint8_t { kUser, kApplication, kService, kAgent };
enum class Status : std::uint8_t { kActive, kSuspended, kRetired };

std::string_view kind_name(Kind kind) noexcept;  // "user", "application", "service", "agent"
std::optional<Kind> kind_from_name(std::string_view name) noexcept;
// Its Cedar type: "Writ::User".
std::string_view cedar_type(Kind kind) noexcept;
std::string_view status_name(Status status) noexcept;  // "active", "suspended", "retired"
std::optional<Status> status_from_name(std::string_view name) noexcept;

// In `acts_for`: any user.
inline constexpr std::string_view kAnyUser = "users";

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
  std::vector<std::string> purposes;               // that it may ask tokens for
  codec::Json attributes = codec::Json::object();  // what else policies may read
  std::optional<std::string> secret_hash;          // crypto/secret_hash.h
  std::vector<jose::Jwk> keys;                     // for private_key_jwt
  bool declared = false;                           // it comes from the configuration
  bool dropped = false;  // retired because the configuration does not declare it any more
};

struct Api {
  std::string id;
  std::string audience;              // a URI; unique
  std::string name_space;            // of its Cedar actions: "Billing" for Billing::Action::"read"
  std::vector<std::string> actions;  // "read", "credit"
  // The claims its tokens carry beside the standard ones; absent: all that are known.
  std::optional<std::vector<std::string>> claims;
  bool declared = false;

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
