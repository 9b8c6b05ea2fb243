#include "control/grants.h"

#include <fmt/format.h>

#include "control/on_identity.h"

namespace writ::control {
namespace {

using codec::Json;
using inventory::Grant;
using inventory::GrantRecord;

constexpr std::string_view kManageGrants = "manage-grants";

Error no_grant(const std::string& id) {
  return {ErrorCode::kNotFound, fmt::format("there is no grant `{}`", id)};
}

const Grant* given(const inventory::GrantState& state) {
  return state.declared ? &*state.declared : state.said.given ? &*state.said.given : nullptr;
}

const inventory::Member* member_of(const inventory::Snapshot& inventory, const cedar::EntityUid& uid) {
  const auto* member = inventory.find(uid.id);
  return member != nullptr && inventory::cedar_type((*member)->kind) == uid.type ? member : nullptr;
}

}  // namespace

Grants::Seen Grants::seen(const std::string& id) const {
  const auto now = directory_.snapshot();
  const auto found = now->grants().find(id);
  return {id, found != now->grants().end() ? found->second : inventory::GrantState{}};
}

Answer<std::vector<Grants::Seen>> Grants::list(const Caller& caller) const {
  const auto permit = TRY(authority_.allow(caller, kReadInventory));
  const auto now = directory_.snapshot();
  std::vector<Seen> all;
  for (const auto& [id, state] : now->grants()) {
    const Grant* grant = given(state);
    if (grant == nullptr) continue;
    const auto* member = member_of(*now, grant->principal);
    if (may_see_identity(authority_, caller, permit, member)) all.push_back({id, state});
  }
  return all;
}

Answer<Grants::Seen> Grants::give(const Caller& caller, const Json& body) const {
  const auto now = directory_.snapshot();
  // Who may read none of the inventory is not told which identities there are, and nobody of one that is not
  // theirs to see.
  const auto reader = TRY(authority_.allow(caller, kReadInventory));
  const auto kind_of = [&](std::string_view id) -> std::optional<inventory::Kind> {
    const auto* member = now->find(id);
    const bool seen = member != nullptr && may_see_identity(authority_, caller, reader, member);
    return seen ? std::optional((*member)->kind) : std::nullopt;
  };
  auto grant = TRY(inventory::grant_from_json(body, kind_of));
  const auto permit = TRY(allow_on_identity(
      authority_, caller, kManageGrants, member_of(*now, grant.principal), Authority::Presence::kThere,
      {ErrorCode::kNotFound, fmt::format("there is no identity `{}`", grant.principal.id)}));
  // Ids are those of all tenants, so that one is taken has to be said; by what, or whose it is, is not.
  if (now->grants().contains(grant.id))
    return fail(ErrorCode::kConflict, fmt::format("the id `{}` is taken: choose another one", grant.id));
  if (grant.lapses_at() <= authority_.now().latest)
    return fail(ErrorCode::kInvalid, fmt::format("grant `{}` would have lapsed already", grant.id));
  const auto id = grant.id;
  const auto told = inventory::grant_to_json(grant).dump();
  const GrantRecord record{.id = id, .given = std::move(grant)};
  // What would be refused is not recorded as done.
  TRY(links_.check(record));
  TRY(authority_.record(permit, "grant.given", id, told));
  TRY(links_.change(record));
  return seen(id);
}

Answer<std::pair<Grants::Seen, enforce::Permit>> Grants::find(const Caller& caller, const std::string& id,
                                                              Stops stops) const {
  const auto now = directory_.snapshot();
  const auto found = now->grants().find(id);
  const Grant* grant = found != now->grants().end() ? given(found->second) : nullptr;
  auto permit = TRY(allow_on_identity(
      authority_, caller, kManageGrants, grant != nullptr ? member_of(*now, grant->principal) : nullptr,
      grant != nullptr ? Authority::Presence::kThere : Authority::Presence::kAbsent, no_grant(id), stops));
  if (grant == nullptr) return std::unexpected(Failure(no_grant(id)));
  return std::pair(Seen{id, found->second}, std::move(permit));
}

Answer<Grants::Seen> Grants::review(const Caller& caller, const std::string& id, Instant next) const {
  auto [grant, permit] = TRY(find(caller, id));
  if (grant.state.said.revoked)
    return fail(ErrorCode::kConflict, fmt::format("grant `{}` is revoked, which cannot be undone", id));
  inventory::Review review{id, authority_.now().earliest, permit.token().claims().subject, next};
  if (review.next <= review.at) return fail(ErrorCode::kInvalid, "the next review must be after this one");
  auto record = grant.state.said;
  record.id = id;
  record.review = review;
  TRY(links_.check(record));
  TRY(authority_.record(permit, "grant.reviewed", id,
                        Json::object({{"reviewed_at", inventory::date_text(review.at)},
                                      {"review_by", inventory::date_text(review.next)}})
                            .dump()));
  TRY(links_.change(record));
  return seen(id);
}

Answer<Grants::Seen> Grants::revoke(const Caller& caller, const std::string& id) const {
  auto [grant, permit] = TRY(find(caller, id, Stops::kYes));
  GrantRecord record{.id = id, .revoked = grant.state.declared.has_value()};
  TRY(authority_.record(permit, "grant.revoked", id, {}, Stops::kYes));
  TRY(links_.change(record));
  grant.state.said = {.id = id, .revoked = true};
  return std::move(grant);
}

}  // namespace writ::control
