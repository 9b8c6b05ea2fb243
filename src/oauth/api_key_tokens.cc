#include "oauth/api_key_tokens.h"

#include <fmt/format.h>

#include "base/secret.h"

namespace writ::oauth {
namespace {

using inventory::ApiKey;
using inventory::Kind;

// What may change while a key is used.
std::expected<void, Denial> check_stands(const ApiKey& key, const inventory::Snapshot& inventory, Times now) {
  if (key.revoked_at) return denied(Reason::kTokenRevoked, "the API key was revoked");
  if (now.ended(key.expires_at))
    return denied(Reason::kTokenExpired,
                  fmt::format("the API key expired on {}", inventory::date_text(key.expires_at)));
  const auto* api = inventory.find_api(key.api);
  if (api == nullptr || !api->api_keys)
    return denied(Reason::kTokenType,
                  fmt::format("API `{}` takes no API keys: `api_keys` is not set there", key.api));
  return {};
}

}  // namespace

// What it stands for, as its identity is now.
std::expected<ApiKeyTokens::Claims, Denial> ApiKeyTokens::claims_of(
    const ApiKey& key, const inventory::Snapshot& inventory) const {
  auto claims = std::make_shared<token::AccessClaims>();
  // One that is not listed, or not any more, is refused by the guards, in their own words.
  if (const auto* member = inventory.find(key.identity); member != nullptr) {
    const auto& identity = member->identity();
    if (identity.kind != Kind::kApplication && identity.kind != Kind::kService)
      return denied(Reason::kCallerMismatch,
                    fmt::format("`{}` is neither an application nor a service, and only these have API keys",
                                key.identity));
    // RFC 8705 §3: what is copied cannot stand for what is bound.
    if (identity.certificate_bound)
      return denied(Reason::kSenderBindingMissing,
                    fmt::format("tokens of `{}` are bound to its certificate, and an API key is bound to "
                                "nothing",
                                key.identity));
    claims->tenant = identity.tenant;
    claims->environment = identity.environment;
  }
  const auto* api = inventory.find_api(key.api);
  claims->issuer = issuer_;
  claims->subject = claims->client_id = key.identity;
  claims->audience = api != nullptr ? api->audience : std::string();
  // Unlike every id of a token of Writ's: those hold no space.
  claims->jti = "api_key " + key.id;
  claims->issued_at = claims->not_before = key.created_at;
  claims->expires_at = key.expires_at;
  claims->purpose = key.purpose;
  claims->credential_kind = inventory::credential_type_name(inventory::CredentialType::kApiKey);
  claims->credential_created = key.created_at;
  auto foreign = std::make_shared<token::Foreign>();
  foreign->api = key.api;
  foreign->api_key = key.id;
  claims->foreign = std::move(foreign);
  return claims;
}

// Whether there is such a key comes first, and takes the same time whether there is: until its text is right,
// nothing is told of it.
std::expected<ApiKeyTokens::Claims, Denial> ApiKeyTokens::read(std::string_view text, std::string_view api,
                                                               Times now) const {
  const auto id = inventory::api_key_id(text);
  if (!id)
    return denied(Reason::kTokenMalformed, "the API key was mistyped or cut off: its checksum is wrong");
  const auto digest = inventory::api_key_digest(text);
  const auto entry = keys_.find(*id);
  if (entry == nullptr || !constant_time_equal((*entry)->digest, digest))
    return denied(Reason::kTokenSignature, "there is no such API key");
  if ((*entry)->api != api)
    return denied(
        Reason::kAudienceMismatch,
        fmt::format("the API key is for API `{}`, and is good at its gateway alone", (*entry)->api));
  const auto in_force = current_.get();
  TRY(check_stands(**entry, *in_force->inventory, now));
  auto claims = TRY(claims_of(**entry, *in_force->inventory));
  entry->note_shown(now.latest);
  return claims;
}

std::shared_ptr<const token::AccessClaims> ApiKeyTokens::known(std::string_view token, std::string_view api,
                                                               Times now) const {
  if (!inventory::is_api_key(token)) return others_ != nullptr ? others_->known(token, api, now) : nullptr;
  const auto id = inventory::api_key_id(token);
  const auto entry = id ? keys_.find(*id) : nullptr;
  if (entry == nullptr || !entry->was_shown()) return nullptr;
  auto claims = read(token, api, now);
  return claims ? *std::move(claims) : nullptr;
}

std::optional<token::ForeignAnswer> ApiKeyTokens::verify(std::string_view token, std::string_view api,
                                                         Times now) const {
  if (inventory::is_api_key(token)) return token::ForeignAnswer{read(token, api, now)};
  return others_ != nullptr ? others_->verify(token, api, now) : std::nullopt;
}

bool ApiKeyTokens::stands(const token::Foreign& foreign, Times now) const {
  if (!foreign.api_key) return others_ != nullptr && others_->stands(foreign, now);
  const auto entry = keys_.find(*foreign.api_key);
  const auto in_force = current_.get();
  return entry != nullptr && check_stands(**entry, *in_force->inventory, now).has_value();
}

bool ApiKeyTokens::wait_for(const token::BroughtThere& brought, std::move_only_function<void()>& then) const {
  return others_ != nullptr && !inventory::is_api_key(brought.token) && others_->wait_for(brought, then);
}

}  // namespace writ::oauth
