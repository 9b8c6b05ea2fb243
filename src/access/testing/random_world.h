// Random worlds for the properties of access: inventories, catalogues, calendars and policies that together
// permit often enough to mean something, and random requests of a chain, within the frame or beside it.
#pragma once

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "access/census.h"
#include "access/court.h"
#include "access/reach.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "cedar/schema.h"
#include "codec/json.h"

namespace writ::access::testing {

using codec::Json;

// How many cases are tried: WRIT_ACCESS_CASES says so (100,000 and more for the full run).
inline std::size_t cases_or(std::size_t quick) {
  const char* said = std::getenv("WRIT_ACCESS_CASES");
  return said != nullptr ? std::strtoull(said, nullptr, 10) : quick;
}
// Of the first world: WRIT_ACCESS_SEED says it.
inline std::uint64_t seed_or(std::uint64_t usual) {
  const char* said = std::getenv("WRIT_ACCESS_SEED");
  return said != nullptr ? std::strtoull(said, nullptr, 10) : usual;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class Array>
  std::string pick(const Array& array) {
    return std::string(array[below(std::size(array))]);
  }

 private:
  std::mt19937_64 engine_;
};

inline const Instant kNow = instant_from_unix_seconds(1'750'000'000);
constexpr std::string_view kTenants[] = {"north", "south"};
constexpr std::string_view kEnvironments[] = {"production", "test"};
constexpr std::string_view kPurposes[] = {"support", "export", "billing"};
constexpr std::string_view kTypes[] = {"Shop::Order", "Shop::Box"};
constexpr std::string_view kActions[] = {"read", "write"};

constexpr std::string_view kCatalogue = R"([
  {"uid": {"type": "Shop::Order", "id": "1"}, "attrs": {"tenant": "north", "amount": 5, "owner": {"__entity": {"type": "Writ::User", "id": "u1"}}}, "parents": [{"type": "Shop::Group", "id": "g"}], "tags": {"level": "high"}},
  {"uid": {"type": "Shop::Order", "id": "2"}, "attrs": {"environment": "production", "public": true}, "parents": []},
  {"uid": {"type": "Shop::Order", "id": "3"}, "attrs": {"tenant": "north", "environment": "production", "forPurposes": ["support", "export", "billing"]}, "parents": []},
  {"uid": {"type": "Shop::Box", "id": "1"}, "attrs": {"forPurposes": ["support"]}, "parents": [{"type": "Shop::Group", "id": "g"}]},
  {"uid": {"type": "Shop::Group", "id": "g"}, "attrs": {"lead": {"__entity": {"type": "Writ::User", "id": "u2"}}}, "parents": []},
  {"uid": {"type": "Writ::User", "id": "u1"}, "attrs": {"staff": true}, "parents": [{"type": "Writ::Group", "id": "staff"}, {"type": "Shop::Group", "id": "early"}], "tags": {"desk": "A"}},
  {"uid": {"type": "Writ::User", "id": "only-catalogued"}, "attrs": {"staff": true}, "parents": [{"type": "Writ::Group", "id": "staff"}]},
  {"uid": {"type": "Writ::Group", "id": "staff"}, "attrs": {}, "parents": []}
])";

constexpr std::string_view kConditions[] = {
    "true",
    "true",
    R"(context has purpose && context.purpose == "support")",
    R"(context has purpose && context.purpose != "support")",
    R"(context.purpose == "export")",
    R"(context has purpose && ["support", "billing"].contains(context.purpose))",
    R"(principal has purposes && context has purpose && principal.purposes.contains(context.purpose))",
    R"(context has tenant && context.tenant == "north")",
    R"(context has tenant && resource has tenant && resource.tenant == context.tenant)",
    R"(resource has tenant && principal has tenant && principal.tenant == resource.tenant)",
    R"(principal.tenant == "south")",
    R"(context has environment && context.environment == "production")",
    R"(context has environment && context.environment != "test")",
    R"(context has task && context.task.purpose == "support")",
    R"(context has task && context.task.labels.contains("secret"))",
    R"(context has task && context.task.agents.contains("a1"))",
    R"(context has task && context.task has client && context.task.client == "app1")",
    R"(context has task && context.task.approvalsNeeded > 0)",
    R"(context has task && context has user && context.task has subject && context.task.subject == context.user)",
    R"(context.token has acr && context.token.acr == "strong")",
    R"(context.token has acr && context.token.acr like "str*g")",
    R"(context.token has authTime && context.token.authTime > datetime("2025-06-15T15:00:00Z"))",
    R"(context.token.issued > datetime("2025-06-15"))",
    R"(context.credential has kind && context.credential.kind == "key")",
    R"(context.credential.kind != "secret")",
    R"(context.credential has created && context.credential.created > datetime("2025-03-01"))",
    R"(context.token.senderBound)",
    R"(context.approved)",
    R"(context.request has ip && context.request.ip.isInRange(ip("192.0.2.0/24")))",
    R"(context.request has method && context.request.method == "GET")",
    R"(context.request.time < datetime("2025-06-20"))",
    R"(context.request.time < datetime("2025-01-01"))",
    R"(context.request.time >= datetime("2025-06-15"))",
    R"(context.calendars.contains("freeze"))",
    R"(context.calendars.contains("hours"))",
    R"(context.calendars.contains("nobody"))",
    R"(context has user && context.user == Writ::User::"u1")",
    R"(context has user && context.user in Writ::Group::"staff")",
    R"(context has user && context.user has staff && context.user.staff)",
    R"(context has agent && context.agent.level >= 2)",
    R"(context has application && context.application.id2 == "x")",
    R"(context.chain.depth <= 1)",
    R"(context.chain.ids.contains("a1"))",
    R"(!(context has agent))",
    R"(principal is Writ::User || context has user)",
    R"(principal is Writ::Agent && principal.tools.contains("read"))",
    R"(principal has level && principal.level > 1)",
    R"(principal.level > 1)",
    R"(principal in Writ::Group::"staff")",
    R"(principal.hasTag("desk") && principal.getTag("desk") == "A")",
    R"(principal has issuer && principal.issuer == "https://idp.example")",
    R"(principal == Shop::Group::"g".lead)",
    R"(resource has owner && resource.owner == principal)",
    R"(resource.owner == principal)",
    R"(resource has owner && context has user && resource.owner == context.user)",
    R"(resource has owner && resource.owner is Writ::User && resource.owner has tenant)",
    R"(resource has owner.tenant && resource.owner.tenant == "north")",
    R"(resource has amount && resource.amount < 10)",
    R"(resource has amount && resource.amount * 2 + 1 < 10)",
    R"(resource has public && resource.public)",
    R"(resource has team && principal in resource.team)",
    R"(resource has labels && resource.labels.containsAny(["a", "b"]))",
    R"(resource in Shop::Group::"g")",
    R"(resource == Shop::Order::"1")",
    R"(resource is Shop::Order in Shop::Group::"g")",
    R"(resource.hasTag("level") && resource.getTag("level") == "high")",
    R"(resource has name && resource.name like "a*")",
    R"(Shop::Order::"9" has public && Shop::Order::"9".public)",
    R"(Shop::Order::"9" in Shop::Group::"g")",
    R"(Shop::Box::"9".hasTag("level") && Shop::Box::"9".getTag("level") == "high")",
    R"(principal in Shop::Group::"late")",
    R"(if context has purpose then context.purpose == "support" else resource has public)",
    R"(if resource has public then resource.public else principal has level)",
    R"([principal, resource].contains(Writ::User::"u1"))",
    R"({a: context.approved}.a)",
};

// Entities that were pushed, as another store has them.
class Pushed final : public cedar::EntitySource {
 public:
  explicit Pushed(std::string_view json) : entities_(cedar::entities_from_json(json).value()) {}
  const cedar::Entity* fetch(cedar::EntityRef uid, cedar::Arena&) const override {
    return entities_->find(uid);
  }

 private:
  const std::shared_ptr<const cedar::Entities> entities_;
};

struct RandomWorld {
  std::shared_ptr<const inventory::Snapshot> inventory;
  decision::PolicySnapshot policies;
  std::vector<std::string> texts;
  std::shared_ptr<const Pushed> pushed = {};  // where the schema lets anything be pushed
  Frame frame() const { return {*inventory, policies, kNow, pushed.get()}; }
};

// Of what the catalogue does not have.
inline std::shared_ptr<const Pushed> random_pushed(Random& random) {
  Json all = Json::array();
  const auto add = [&](std::string_view type, std::string_view id) {
    if (random.chance(30)) return;
    Json attributes = Json::object(), tags = Json::object(), parents = Json::array();
    if (random.chance(60)) attributes.set("public", random.chance(70));
    if (random.chance(40)) attributes.set("tenant", random.pick(kTenants));
    if (random.chance(50)) tags.set("level", random.chance(70) ? "high" : "low");
    if (random.chance(60)) parents.push(Json::object({{"type", "Shop::Group"}, {"id", "g"}}));
    all.push(Json::object({{"uid", Json::object({{"type", type}, {"id", id}})},
                           {"attrs", std::move(attributes)},
                           {"tags", std::move(tags)},
                           {"parents", std::move(parents)}}));
  };
  for (const auto* id : {"9", "any-resource"}) {
    add("Shop::Order", id);
    add("Shop::Box", id);
  }
  // Somebody of the catalogue is below the first.
  if (random.chance(60))
    all.push(*codec::parse_json(R"({"uid": {"type": "Shop::Group", "id": "early"}, "attrs": {},
                                    "parents": [{"type": "Shop::Group", "id": "late"}]})"));
  return std::make_shared<const Pushed>(all.dump());
}

inline std::string random_scope(Random& random) {
  constexpr std::string_view kKinds[] = {"User", "Application", "Service", "Agent"};
  switch (random.below(5)) {
    case 0:
    case 1:
      return "principal is Writ::" + random.pick(kKinds);
    case 2:
      return R"(principal in Writ::Group::"staff")";
    case 3: {
      constexpr std::string_view kNamed[] = {R"(Writ::User::"u1")", R"(Writ::Application::"app1")",
                                             R"(Writ::Agent::"a1")", R"(Writ::User::"only-named")"};
      return "principal == " + random.pick(kNamed);
    }
    default:
      return "principal";
  }
}

inline std::string random_resource(Random& random) {
  constexpr std::string_view kScopes[] = {"resource",
                                          "resource",
                                          "resource is Shop::Order",
                                          R"(resource in Shop::Group::"g")",
                                          R"(resource == Shop::Order::"1")",
                                          R"(resource is Shop::Box in Shop::Group::"g")"};
  return random.pick(kScopes);
}

inline std::string random_policy(Random& random) {
  const bool permits = !random.chance(25);
  std::string text = permits ? "permit (" : "forbid (";
  text += random_scope(random) + ", ";
  const auto action = random.below(4);
  text += action == 0   ? R"(action == Shop::Action::"read")"
          : action == 1 ? R"(action == Writ::Action::"issue")"
                        : "action";
  text += ", " + (action == 1 ? std::string("resource") : random_resource(random)) + ")";
  for (auto count = random.below(3) + (permits ? 0 : 1); count > 0; --count) {
    text += random.chance(permits ? 80 : 50) ? " when { " : " unless { ";
    text += random.pick(kConditions);
    if (random.chance(15))
      text += (random.chance(50) ? " || " : " && ") + ("(" + random.pick(kConditions) + ")");
    text += " }";
  }
  return text + ";";
}

inline std::shared_ptr<const cedar::CompiledPolicySet> compiled(const std::vector<std::string>& texts) {
  cedar::PolicySet all;
  for (const auto& text : texts) {
    auto parsed = cedar::parse_policies(text);
    WRIT_CHECK(parsed.has_value());
    for (auto& policy : parsed->policies) {
      policy.id = "p" + std::to_string(all.policies.size());
      all.policies.push_back(std::move(policy));
    }
  }
  return cedar::CompiledPolicySet::compile(all).value();
}

inline Json random_identity(Random& random, std::string_view id, std::string_view kind,
                            std::vector<std::string> acts_for) {
  Json json = Json::object({{"id", id}, {"kind", kind}});
  const bool user = kind == "user";
  if (random.chance(user ? 70 : 15)) json.set("tenant", random.pick(kTenants));
  if (!user && random.chance(25)) json.set("environment", random.pick(kEnvironments));
  if (!user && random.chance(40)) {
    Json purposes = Json::array();
    purposes.push(random.pick(kPurposes));
    if (random.chance(60))
      purposes.push(purposes.if_array()->front() == Json("support") ? "export" : "support");
    json.set("purposes", std::move(purposes));
  }
  Json attributes = Json::object();
  if (random.chance(50)) attributes.set("level", static_cast<std::int64_t>(random.below(4)));
  if (kind == "agent" && random.chance(60)) attributes.set("tools", codec::json_texts({"read"}));
  json.set("attributes", std::move(attributes));
  if (!user) json.set("acts_for", codec::json_texts(acts_for));
  if (random.chance(5)) json.set("status", random.chance(50) ? "suspended" : "retired");
  return json;
}

inline RandomWorld random_world(Random& random) {
  std::vector<Json> all;
  for (const auto* id : {"u1", "u2", "u3"}) all.push_back(random_identity(random, id, "user", {}));
  all.push_back(random_identity(random, "app1", "application", {"users"}));
  all.push_back(random_identity(random, "app2", "application", {random.chance(50) ? "users" : "u2"}));
  all.push_back(random_identity(random, "s1", "service", {}));
  all.push_back(random_identity(random, "a1", "agent", {"app1", "s1"}));
  all.push_back(random_identity(random, "a2", "agent", {"a1", random.chance(50) ? "users" : "app2"}));
  std::vector<inventory::Identity> identities;
  for (const Json& each : all) identities.push_back(inventory::identity_from_json(each).value());
  Json shop = Json::object({{"id", "shop"},
                            {"audience", "https://shop.example"},
                            {"namespace", "Shop"},
                            {"actions", codec::json_texts({"read", "write"})}});
  if (random.chance(25)) shop.set("claims", codec::json_texts({"purpose", "acr"}));
  RandomWorld world;
  world.inventory = inventory::Snapshot::empty()
                        ->with(std::move(identities), {inventory::api_from_json(shop).value()})
                        .value();
  // Enough to be permitted now and then, also when an agent takes over.
  world.texts.emplace_back(R"(permit (principal, action == Writ::Action::"delegate", resource);)");
  if (random.chance(50)) world.texts.emplace_back("permit (principal is Writ::User, action, resource);");
  if (random.chance(50)) world.texts.emplace_back("permit (principal is Writ::Agent, action, resource);");
  if (random.chance(40))
    world.texts.emplace_back("permit (principal is Writ::Application, action, resource);");
  for (auto more = 3 + random.below(7); more > 0; --more) world.texts.push_back(random_policy(random));
  world.policies.policies = compiled(world.texts);
  world.policies.entities = cedar::entities_from_json(kCatalogue).value();
  world.policies.revision = "random";
  world.policies.max_chain = 2 + random.below(2);
  using context::Calendar;
  std::vector<Calendar> calendars;
  calendars.push_back({"freeze", {{kNow + std::chrono::hours(24), kNow + std::chrono::hours(72)}}, {}});
  calendars.push_back(
      {"hours",
       {},
       {{std::chrono::hours(9), std::chrono::hours(17)}, {std::chrono::hours(33), std::chrono::hours(41)}}});
  if (random.chance(80))
    world.policies.calendars = std::make_shared<const context::Calendars>(std::move(calendars));
  if (random.chance(50)) {
    world.policies.schema = cedar::schema_from_text(
                                "namespace Shop { entity Order, Box = {tenant?: String, environment?: "
                                "String, public?: Bool}; entity Group; }")
                                .value();
    if (random.chance(70)) world.pushed = random_pushed(random);
  }
  if (random.chance(20)) {
    // They decide nothing.
    auto texts = world.texts;
    texts.emplace_back(random.chance(50) ? "forbid (principal, action, resource);"
                                         : "permit (principal, action, resource);");
    auto shadowed = std::make_shared<decision::PolicySnapshot>(world.policies);
    shadowed->policies = compiled(texts);
    world.policies.with_shadows = std::move(shadowed);
  }
  return world;
}

}  // namespace writ::access::testing
