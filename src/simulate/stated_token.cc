#include "simulate/stated_token.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "inventory/workload.h"
#include "simulate/moment.h"

namespace writ::simulate {
namespace {

using codec::Json;
using codec::Members;

// [nearest, next, ...], each an id or {"sub": .., "iss": ..}; or nested as in the token itself.
Result<std::vector<token::Actor>> actors_in(const Members& members) {
  const Json* act = members.find("act");
  const auto* list = act != nullptr ? act->if_array() : nullptr;
  if (list == nullptr) return token::actors_from_json(act);
  std::vector<token::Actor> all;
  for (const Json& item : *list) {
    if (const auto* id = item.if_string(); id != nullptr && !id->empty()) {
      all.push_back({*id, std::nullopt});
      continue;
    }
    const auto actor = TRY(Members::of(item, "the actor", {"sub", "iss"}));
    auto subject = TRY(actor.text("sub", token::kMaxClaimBytes));
    auto issuer = TRY(actor.optional_text("iss", token::kMaxClaimBytes));
    all.push_back({std::move(subject), std::move(issuer)});
  }
  if (all.size() > token::kMaxChain)
    return members.wrong("act",
                         fmt::format("has {} actors, a token has at most {}", all.size(), token::kMaxChain));
  return all;
}

void move_one(std::optional<Instant>& instant, Duration by) {
  if (instant) *instant += by;
}

}  // namespace

void StatedToken::move(Duration by) {
  for (auto* instant : {&issued_at, &not_before, &expires_at}) move_one(*instant, by);
  for (const auto& claim : token::claim_table()) {
    if (claim.carried_date != nullptr) move_one(this->*claim.carried_date, by);
  }
}

token::AccessClaims StatedToken::claims(const Usual& usual) const {
  token::AccessClaims claims;
  claims.carry_on(*this);
  claims.issuer = issuer.value_or(std::string(usual.issuer));
  claims.subject = subject;
  claims.client_id = client;
  claims.audience = audience.value_or(std::string(usual.audience));
  claims.workload = workload;
  claims.issued_at = issued_at.value_or(usual.time);
  claims.not_before = not_before.value_or(claims.issued_at);
  claims.expires_at = expires_at.value_or(claims.issued_at + usual.lifetime);
  return claims;
}

Result<std::optional<Instant>> instant_in(const Members& members, std::string_view name, Instant base) {
  const Json* json = members.find(name);
  if (json == nullptr || json->is_null()) return std::nullopt;
  if (json->is_int()) return instant_from_unix_seconds(TRY(members.integer(name, 0, kLastSecond)));
  if (const auto moment = parse_moment(TRY(members.text(name)), base)) return moment;
  return members.wrong(name, "must be an instant, such as 2026-03-02T09:00:00Z or +10m");
}

Result<token::WorkloadClaims> read_stated_workload(const Json& json) {
  auto facts = TRY(token::workload_from_json(&json));
  const auto known = inventory::workload_fact_names();
  for (const auto& [name, fact] : facts) {
    if (std::ranges::find(known, name) == known.end())
      return failure(ErrorCode::kInvalid, fmt::format("`workload` has no fact `{}`; the facts are {}", name,
                                                      fmt::join(known, ", ")));
  }
  return facts;
}

Result<StatedToken> read_stated_token(const Json& json, Instant time) {
  const auto members = TRY(Members::of(json, "the token", token::stated_names()));
  const auto text = [&](std::string_view name) { return members.optional_text(name, token::kMaxClaimBytes); };
  StatedToken stated;
  stated.client = TRY(members.text("client_id", token::kMaxClaimBytes));
  // RFC 9068 §2.2: without a resource owner, `sub` is the client.
  stated.subject = TRY(text("sub")).value_or(stated.client);
  stated.issuer = TRY(text("iss"));
  stated.audience = TRY(text("aud"));
  stated.issued_at = TRY(instant_in(members, "iat", time));
  stated.not_before = TRY(instant_in(members, "nbf", time));
  stated.expires_at = TRY(instant_in(members, "exp", time));
  stated.actors = TRY(actors_in(members));
  for (const auto& claim : token::claim_table()) {
    if (claim.carried_text != nullptr) stated.*claim.carried_text = TRY(text(claim.stated));
    if (claim.carried_date != nullptr)
      stated.*claim.carried_date = TRY(instant_in(members, claim.stated, time));
  }
  if (const Json* workload = members.find("workload")) stated.workload = TRY(read_stated_workload(*workload));
  stated.bound = TRY(members.boolean("bound", false));
  return stated;
}

}  // namespace writ::simulate
