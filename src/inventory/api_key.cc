#include "inventory/api_key.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/members.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "inventory/facts.h"

namespace writ::inventory {
namespace {

using codec::Json;
using codec::Members;

constexpr std::size_t kIdDigits = kMaxApiKeyIdBytes;
constexpr std::size_t kSecretDigits = 48;
constexpr std::size_t kCheckDigits = 8;
constexpr std::size_t kCheckedChars = kApiKeyPrefix.size() + kIdDigits + 1 + kSecretDigits;
constexpr Duration kUsualLife = std::chrono::hours(24 * 90);

bool is_key_digit(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// Random ones.
std::string digits(std::size_t count) {
  return crypto::hex(crypto::sha256(crypto::random_bytes(32))).substr(0, count);
}

std::string check_of(std::string_view checked) {
  return crypto::hex(crypto::sha256(checked)).substr(0, kCheckDigits);
}

}  // namespace

bool is_api_key(std::string_view text) noexcept {
  return text.starts_with(kApiKeyPrefix);
}

std::optional<std::string_view> api_key_id(std::string_view text) {
  if (!is_api_key(text) || text.size() != kCheckedChars + kCheckDigits) return std::nullopt;
  const auto id = text.substr(kApiKeyPrefix.size(), kIdDigits);
  const auto secret = text.substr(kApiKeyPrefix.size() + kIdDigits + 1);
  if (text[kApiKeyPrefix.size() + kIdDigits] != '_' || !std::ranges::all_of(id, is_key_digit) ||
      !std::ranges::all_of(secret, is_key_digit) ||
      check_of(text.substr(0, kCheckedChars)) != text.substr(kCheckedChars))
    return std::nullopt;
  return id;
}

std::string api_key_digest(std::string_view text) {
  return crypto::hex(crypto::sha256(text));
}

NewApiKey new_api_key() {
  auto id = digits(kIdDigits);
  std::string text = fmt::format("{}{}_{}", kApiKeyPrefix, id, digits(kSecretDigits));
  text += check_of(text);
  auto digest = api_key_digest(text);
  return {Secret(std::move(text)), std::move(id), std::move(digest)};
}

Result<ApiKey> api_key_from_request(const Json& json, Instant now) {
  const auto members =
      TRY(Members::of(json, "the API key", {"identity", "api", "expires_at", "purpose", "description"}));
  ApiKey key;
  key.identity = TRY(members.text("identity", kMaxIdBytes));
  key.api = TRY(members.text("api", kMaxIdBytes));
  key.created_at = now;
  key.expires_at = TRY(optional_date(members, "expires_at")).value_or(now + kUsualLife);
  if (key.expires_at <= now) return members.wrong("expires_at", "is over already");
  if (key.expires_at > now + kMaxApiKeyLife)
    return members.wrong("expires_at", "is more than 366 days ahead");
  key.purpose = TRY(members.optional_text("purpose"));
  key.description = TRY(members.optional_text("description", kMaxDescriptionBytes));
  return key;
}

Json api_key_to_json(const ApiKey& key, Instant now) {
  Json json = Json::object({{"id", key.id}, {"identity", key.identity}, {"api", key.api}});
  json.set("status", key.revoked_at ? "revoked" : key.in_force(now) ? "in_force" : "expired");
  json.set("created_at", date_text(key.created_at));
  json.set("expires_at", date_text(key.expires_at));
  if (key.revoked_at) json.set("revoked_at", date_text(*key.revoked_at));
  if (key.last_used_at) json.set("last_used_at", date_text(*key.last_used_at));
  if (key.purpose) json.set("purpose", *key.purpose);
  if (key.description) json.set("description", *key.description);
  if (!key.made_by.empty()) json.set("made_by", key.made_by);
  return json;
}

std::string api_key_record(const ApiKey& key) {
  Json json = Json::object({{"id", key.id},
                            {"identity", key.identity},
                            {"api", key.api},
                            {"digest", key.digest},
                            {"created_at_ms", unix_millis(key.created_at)},
                            {"expires_at_ms", unix_millis(key.expires_at)},
                            {"made_by", key.made_by}});
  if (key.revoked_at) json.set("revoked_at_ms", unix_millis(*key.revoked_at));
  if (key.purpose) json.set("purpose", *key.purpose);
  if (key.description) json.set("description", *key.description);
  return json.dump();
}

Result<ApiKey> api_key_from_record(std::string_view text) {
  const Json json = TRY(codec::parse_json(text));
  const auto members = TRY(Members::of(json, "the API key",
                                       {"id", "identity", "api", "digest", "created_at_ms", "expires_at_ms",
                                        "made_by", "revoked_at_ms", "purpose", "description"}));
  const auto instant = [&](std::string_view name) -> Result<Instant> {
    return Instant(Duration(TRY(members.integer(name, 0, INT64_MAX / 2))));
  };
  ApiKey key;
  key.id = TRY(members.text("id", kMaxApiKeyIdBytes));
  key.identity = TRY(members.text("identity", kMaxIdBytes));
  key.api = TRY(members.text("api", kMaxIdBytes));
  key.digest = TRY(members.text("digest"));
  key.created_at = TRY(instant("created_at_ms"));
  key.expires_at = TRY(instant("expires_at_ms"));
  if (members.find("revoked_at_ms") != nullptr) key.revoked_at = TRY(instant("revoked_at_ms"));
  key.made_by = TRY(members.text("made_by", kMaxUserIdBytes));
  key.purpose = TRY(members.optional_text("purpose"));
  key.description = TRY(members.optional_text("description", kMaxDescriptionBytes));
  return key;
}

}  // namespace writ::inventory
