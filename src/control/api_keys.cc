#include "control/api_keys.h"

#include <algorithm>
#include <fmt/format.h>

#include "control/on_identity.h"

namespace writ::control {
namespace {

using codec::Json;
using inventory::ApiKey;
using inventory::Kind;

constexpr std::string_view kManageKeys = "manage-inventory";
constexpr Duration kUsualOverlap = std::chrono::hours(24 * 7);
constexpr Duration kMostOverlap = std::chrono::hours(24 * 90);

Error no_key(const std::string& id) {
  return {ErrorCode::kNotFound, fmt::format("there is no API key `{}`", id)};
}

// Whether a key could be used at all: what it takes is looked at again with each use.
Answer<void> check_fits(const ApiKey& key, const inventory::Snapshot& inventory) {
  const auto conflict = [](std::string message) { return fail(ErrorCode::kConflict, std::move(message)); };
  const auto* api = inventory.find_api(key.api);
  if (api == nullptr) return fail(ErrorCode::kNotFound, fmt::format("there is no API `{}`", key.api));
  if (!api->api_keys)
    return conflict(fmt::format(
        "API `{}` takes no API keys: set `api_keys: true` there, if its callers cannot do better", key.api));
  const auto* member = inventory.find(key.identity);
  if (member == nullptr)
    return fail(ErrorCode::kNotFound, fmt::format("there is no identity `{}`", key.identity));
  const auto& identity = member->identity();
  if (identity.kind != Kind::kApplication && identity.kind != Kind::kService)
    return conflict(fmt::format("`{}` is neither an application nor a service, and only these have API keys",
                                key.identity));
  if (member->status() == inventory::Status::kRetired)
    return conflict(fmt::format("`{}` is retired", key.identity));
  if (identity.certificate_bound)
    return conflict(fmt::format(
        "tokens of `{}` are bound to its certificate, and an API key is bound to nothing", key.identity));
  if (key.purpose && !identity.purposes.empty() &&
      std::ranges::find(identity.purposes, *key.purpose) == identity.purposes.end())
    return conflict(fmt::format("`{}` may not act for `{}`", key.identity, *key.purpose));
  return {};
}

}  // namespace

Answer<std::vector<ApiKey>> ApiKeys::list(const Caller& caller) const {
  const auto permit = TRY(authority_.allow(caller, kReadInventory));
  const auto now = directory_.snapshot();
  std::vector<ApiKey> all;
  for (const auto& entry : keys_.all()) {
    if (may_see_identity(authority_, caller, permit, now->find((*entry)->identity)))
      all.push_back(entry->key());
  }
  return all;
}

Answer<ApiKeys::Made> ApiKeys::made(const std::string& id, Secret text) const {
  const auto entry = keys_.find(id);
  if (entry == nullptr) return fail(ErrorCode::kInternal, "the API key that was made is not there");
  return Made{entry->key(), std::move(text)};
}

Answer<ApiKeys::Made> ApiKeys::make(const Caller& caller, const Json& body) const {
  // Who may read none of the inventory is not told which identities there are.
  TRY(authority_.allow(caller, kReadInventory));
  const auto now = authority_.now();
  auto key = TRY(inventory::api_key_from_request(body, now.earliest));
  const auto inventory = directory_.snapshot();
  const auto* member = inventory->find(key.identity);
  const auto permit =
      TRY(allow_on_identity(authority_, caller, kManageKeys, member,
                            member != nullptr ? Authority::Presence::kThere : Authority::Presence::kAbsent,
                            {ErrorCode::kNotFound, fmt::format("there is no identity `{}`", key.identity)}));
  TRY(check_fits(key, *inventory));
  TRY(keys_.check_room(key, now.latest));
  auto made = inventory::new_api_key();
  key.id = made.id;
  key.digest = made.digest;
  key.made_by = permit.token()->client_id;
  TRY(authority_.record(permit, "api_key.made", key.id, api_key_to_json(key, now.latest).dump()));
  TRY(keys_.add(std::move(key), now.latest));
  return this->made(made.id, std::move(made.text));
}

Answer<ApiKeys::Found> ApiKeys::find(const Caller& caller, const std::string& id, Stops stops) const {
  const auto inventory = directory_.snapshot();
  const auto entry = keys_.find(id);
  auto permit = TRY(allow_on_identity(
      authority_, caller, kManageKeys, entry != nullptr ? inventory->find((*entry)->identity) : nullptr,
      entry != nullptr ? Authority::Presence::kThere : Authority::Presence::kAbsent, no_key(id), stops));
  if (entry == nullptr) return std::unexpected(Failure(no_key(id)));
  return Found{entry->key(), std::move(permit)};
}

Answer<ApiKeys::Made> ApiKeys::rotate(const Caller& caller, const Rotation& rotation) const {
  const auto [old, permit] = TRY(find(caller, rotation.id, Stops::kNo));
  const auto now = authority_.now();
  if (!old.in_force(now.latest))
    return fail(ErrorCode::kConflict, fmt::format("API key `{}` is over: make another one", old.id));
  const auto until = rotation.old_until.value_or(now.latest + kUsualOverlap);
  if (until > now.latest + kMostOverlap)
    return fail(ErrorCode::kInvalid, "`old_until` is more than 90 days ahead: two keys are one too many");
  auto next = old;
  next.created_at = now.earliest;
  next.expires_at = rotation.expires_at.value_or(next.created_at + (old.expires_at - old.created_at));
  if (next.expires_at <= now.latest) return fail(ErrorCode::kInvalid, "`expires_at` is over already");
  if (next.expires_at > now.latest + inventory::kMaxApiKeyLife)
    return fail(ErrorCode::kInvalid, "`expires_at` is more than 366 days ahead");
  next.last_used_at = std::nullopt;
  next.made_by = permit.token()->client_id;
  TRY(check_fits(next, *directory_.snapshot()));
  TRY(keys_.check_room(next, now.latest));
  auto made = inventory::new_api_key();
  next.id = made.id;
  next.digest = made.digest;
  auto told = api_key_to_json(next, now.latest);
  told.set("replaces", old.id);
  told.set("old_until", inventory::date_text(std::min(until, old.expires_at)));
  TRY(authority_.record(permit, "api_key.rotated", next.id, told.dump()));
  TRY(keys_.replace(old.id, until, std::move(next), now.latest));
  return this->made(made.id, std::move(made.text));
}

Answer<ApiKey> ApiKeys::revoke(const Caller& caller, const std::string& id) const {
  const auto [key, permit] = TRY(find(caller, id, Stops::kYes));
  TRY(authority_.record(permit, "api_key.revoked", id, key.identity, Stops::kYes));
  TRY(keys_.revoke(id, authority_.now().latest));
  const auto entry = keys_.find(id);
  return entry != nullptr ? entry->key() : key;
}

}  // namespace writ::control
