// API keys: by what callers that cannot do better are known, at the gateway of one API (docs/api-keys.md).
//
// A key stands for a client without a user. Its text is told once, when it is made:
//
//   writ_ak_<16 digits: its id>_<48 digits: its secret><8 digits: a checksum over what is before them>
//
// all of them lower-case hexadecimal. The prefix is for scanners that look for secrets, and the checksum for
// whoever mistypes. Kept is the SHA-256 of the text, without a salt: 192 random bits cannot be guessed from
// it. Plain values; pure, but for the random bits of a new one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "codec/json.h"
#include "inventory/identity.h"

namespace writ::inventory {

inline constexpr std::string_view kApiKeyPrefix = "writ_ak_";
inline constexpr std::size_t kMaxApiKeyIdBytes = 16;
// Nothing that is copied and kept is good for longer.
inline constexpr Duration kMaxApiKeyLife = std::chrono::hours(24 * 366);

// What is kept of one.
struct ApiKey {
  std::string id;
  std::string identity;  // an application or a service: the client that it stands for
  std::string api;       // the one that takes it
  std::string digest;    // of its text
  Instant created_at;
  Instant expires_at;
  std::optional<Instant> revoked_at = {};
  std::optional<std::string> purpose = {};  // of the requests that come with it
  std::optional<std::string> description = {};
  std::string made_by = {};
  std::optional<Instant> last_used_at = {};

  // A revoked one is over whatever a clock says.
  bool in_force(Instant now) const noexcept { return !revoked_at && now < expires_at; }
  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

// Whether it is meant as one: whatever begins so is looked at as nothing else, and given to nobody.
bool is_api_key(std::string_view text) noexcept;
// The id of a text that is whole; nothing: it was mistyped or cut off.
std::optional<std::string_view> api_key_id(std::string_view text);
std::string api_key_digest(std::string_view text);

struct NewApiKey {
  Secret text;
  std::string id;
  std::string digest;
};
NewApiKey new_api_key();

// What is asked for: {"identity", "api", "expires_at", "purpose", "description"}. Without an end, it is good
// for 90 days.
Result<ApiKey> api_key_from_request(const codec::Json& json, Instant now);
// For people and programs: no digest; with the status at that moment.
codec::Json api_key_to_json(const ApiKey& key, Instant now);
// For the store: everything but the last use.
std::string api_key_record(const ApiKey& key);
Result<ApiKey> api_key_from_record(std::string_view text);

}  // namespace writ::inventory
