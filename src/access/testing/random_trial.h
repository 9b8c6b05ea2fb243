// Random requests of a chain in a random world (random_world.h).
#pragma once

#include <string>

#include "access/certainties.h"
#include "access/testing/random_world.h"

namespace writ::access::testing {

// With a token that the frame allows: its claims agree with the inventory, and its task is live, names the
// parties and covers the call.
inline Trial random_trial(Random& random, Certainties& certain, const Target& target) {
  const Chain& chain = certain.chain();
  Trial trial{
      .claims = {}, .time = kNow + std::chrono::minutes(random.below(60 * 24 * 10)), .target = target};
  auto& claims = trial.claims;
  claims.subject = chain.front().id;
  claims.client_id = chain.back().id;
  claims.actors = actors_of(chain);
  claims.issued_at = trial.time - std::chrono::minutes(random.below(3));
  claims.not_before = claims.issued_at;
  claims.expires_at = trial.time + std::chrono::minutes(5);
  const auto text = [&](const TextKnown& known, const auto& pool) -> std::optional<std::string> {
    if (known.impossible || random.chance(30)) return std::nullopt;
    if (!known.among.empty()) return known.among[random.below(known.among.size())];
    return random.pick(pool);
  };
  claims.purpose = text(certain.purpose(), kPurposes);
  claims.environment = text(certain.environment(), kEnvironments);
  claims.tenant = text(certain.tenant(), kTenants);
  if (certain.tenant_by_token() && certain.tenant().certain) claims.tenant = certain.tenant().among.front();
  if (random.chance(50)) claims.acr = random.chance(60) ? "strong" : "weak";
  if (random.chance(50)) claims.auth_time = trial.time - std::chrono::seconds(random.below(7200));
  if (random.chance(50)) claims.credential_kind = random.chance(60) ? "key" : "secret";
  if (random.chance(50)) claims.credential_created = trial.time - std::chrono::days(random.below(300));
  if (random.chance(50)) claims.key_thumbprint = std::string(43, 'k');
  if (chain.size() > 1 && random.chance(30)) claims.subject_issuer = "https://idp.example";
  trial.approved = target.point == Point::kUse && random.chance(40);
  if (random.chance(60)) trial.ip = random.chance(70) ? "192.0.2.7" : "198.51.100.1";
  if (random.chance(60)) trial.method = random.chance(70) ? "GET" : "POST";
  if (target.point == Point::kUse) {
    constexpr std::string_view kIds[] = {"1", "2", "3", "9", "fresh"};
    trial.resource = {target.resource_type, target.resource.value_or(random.pick(kIds))};
    Json& told = trial.attributes;
    const auto entity = [](std::string_view type, std::string_view id) {
      return Json::object({{"__entity", Json::object({{"type", type}, {"id", id}})}});
    };
    if (random.chance(40))
      told.set("owner", entity("Writ::User", random.chance(70) ? chain.front().id : "u2"));
    if (random.chance(25)) told.set("tenant", random.pick(kTenants));
    if (random.chance(8)) told.set("environment", random.pick(kEnvironments));
    if (random.chance(8)) told.set("forPurposes", codec::json_texts({random.pick(kPurposes)}));
    if (random.chance(40)) told.set("amount", static_cast<std::int64_t>(random.below(20)));
    if (random.chance(40)) told.set("public", random.chance(70));
    if (random.chance(20)) told.set("team", entity("Writ::Group", "staff"));
    if (random.chance(20)) told.set("labels", codec::json_texts({"a"}));
    if (random.chance(20)) told.set("name", "alpha");
    if (random.chance(5)) told.set("amount", "wrong");
  }
  if (!certain.needs_task() && random.chance(60)) return trial;
  if (certain.purpose().impossible) return trial;
  task::Task task{};
  task.id = "t";
  const auto& among = certain.purpose().among;
  task.purpose = claims.purpose ? *claims.purpose : among.empty() ? random.pick(kPurposes) : among.front();
  if (chain.size() > 1) task.subject = chain.front().id;
  std::size_t clients = 0;
  for (const ChainLink& each : chain) {
    if (each.is_agent()) {
      task.agents.push_back(each.id);
    } else if (each.kind() != inventory::Kind::kUser) {
      ++clients;
      if (random.chance(50)) task.client = each.id;
    }
  }
  if (clients > 1) task.client.reset();
  if (random.chance(20)) task.agents.push_back("a1");
  if (random.chance(40)) task.labels.push_back("secret");
  if (random.chance(20)) task.approvals.needed = 1;
  if (task.approvals.needed > 0) task.approvals.given.resize(1);
  task.opened_by = chain.back().id;
  if (certain.tenant().certain && random.chance(30)) task.tenant = certain.tenant().among.front();
  task.actions.push_back(target.action);
  task.resources.push_back({trial.resource.type, std::nullopt});
  task.not_before = trial.time - std::chrono::minutes(1);
  task.expires_at = trial.time + std::chrono::hours(1);
  trial.task = std::move(task);
  return trial;
}

}  // namespace writ::access::testing
