// What must hold of every decision, over random worlds and requests (DESIGN: "the one idea"):
//
//   - an agent that joins never adds permission, and no party is permitted who is not asked;
//   - hiding a claim never helps, but for policies that `writ check` has to report: a forbid that needs a
//     claim to fire, and a permit that needs one absent.
//
// The random numbers are the same in each run; a failure prints the policies and the request.
#include <functional>
#include <gtest/gtest.h>
#include <random>

#include "base/testing/folders.h"
#include "decision/testing/world.h"

namespace writ::decision::properties_test {
namespace {

using codec::Json;
using testing::Asker;
using testing::Question;
using testing::World;

constexpr int kWorlds = 250;
constexpr int kQuestions = 400;  // of each world: 100,000 together
constexpr int kPairs = 1500;     // of tokens

constexpr std::string_view kUsers[] = {"north-user", "south-user", "unknown-user"};
constexpr std::string_view kClients[] = {"production-app", "plain-app", "south-app", "batch-service"};
constexpr std::string_view kAgents[] = {"agent-a", "agent-b", "agent-c"};
constexpr std::string_view kPurposes[] = {"support", "export"};
constexpr std::string_view kTasks[] = {"t-live", "t-other", "t-ended"};
constexpr std::string_view kResources[] = {R"(Shop::Order::"of-north")", R"(Shop::Order::"of-south")",
                                           R"(Shop::Order::"of-production")", R"(Shop::Order::"for-support")",
                                           R"(Shop::Order::"plain")"};

constexpr std::string_view kWorld = R"({
  "now": 1750000000,
  "apis": [{"id": "shop", "audience": "https://shop.example", "namespace": "Shop", "actions": ["read", "write"]}],
  "entities": [
    {"uid": {"type": "Shop::Order", "id": "of-north"}, "attrs": {"tenant": "north"}, "parents": []},
    {"uid": {"type": "Shop::Order", "id": "of-south"}, "attrs": {"tenant": "south"}, "parents": []},
    {"uid": {"type": "Shop::Order", "id": "of-production"}, "attrs": {"environment": "production"}, "parents": []},
    {"uid": {"type": "Shop::Order", "id": "for-support"}, "attrs": {"forPurposes": ["support"]}, "parents": []}
  ],
  "identities": [
    {"id": "north-user", "kind": "user", "tenant": "north"},
    {"id": "south-user", "kind": "user", "tenant": "south"},
    {"id": "production-app", "kind": "application", "environment": "production", "acts_for": ["users"], "purposes": ["support", "export"]},
    {"id": "plain-app", "kind": "application", "acts_for": ["users"]},
    {"id": "south-app", "kind": "application", "tenant": "south", "acts_for": ["users"], "purposes": ["support", "export"]},
    {"id": "batch-service", "kind": "service", "acts_for": ["users"]},
    {"id": "agent-a", "kind": "agent", "environment": "production", "acts_for": ["users", "production-app", "plain-app", "south-app", "batch-service"]},
    {"id": "agent-b", "kind": "agent", "acts_for": ["agent-a", "plain-app", "south-app", "batch-service"], "purposes": ["support", "export"]},
    {"id": "agent-c", "kind": "agent", "acts_for": ["users", "agent-a", "agent-b", "production-app", "batch-service"]}
  ],
  "tasks": {
    "t-live": {"purpose": "support", "subject": "north-user", "agents": ["agent-a", "agent-b", "agent-c"], "actions": ["Shop::Action::\"read\""], "resources": ["Shop::Order::*"]},
    "t-other": {"purpose": "export", "subject": "south-user", "agents": ["agent-a", "agent-c"], "actions": ["Shop::Action::\"read\"", "Shop::Action::\"write\""], "resources": ["Shop::Order::*"]},
    "t-ended": {"purpose": "support", "subject": "north-user", "agents": ["agent-a"], "actions": ["Shop::Action::\"read\""], "resources": ["Shop::Order::*"], "state": "ended"}
  }
})";

// Conditions that read neither the other parties nor the chain: what they say of a party does not depend on
// who else takes part. None is true because something is absent.
constexpr std::string_view kConditions[] = {
    R"(context has purpose && context.purpose == "support")",
    R"(context has purpose && context.purpose != "support")",
    R"(context has tenant && context.tenant == "north")",
    R"(context has environment && context.environment == "production")",
    R"(context has task && context.task.purpose == "support")",
    R"(context.token has acr && context.token.acr == "strong")",
    R"(context.token has authTime && context.token.authTime > datetime("2025-06-15T15:00:00Z"))",
    R"(context.token.senderBound)",
    R"(resource has tenant && context has tenant && resource.tenant == context.tenant)",
    R"(resource has environment)",
    R"(principal has tenant && principal.tenant == "north")",
    R"(principal has purposes && principal.purposes.contains("support"))",
    R"(context.purpose == "support")",  // and what fails where it is absent
    R"(context.tenant == "south")",
    "true",
};
// What makes hiding a claim help.
constexpr std::string_view kHazards[] = {
    R"(forbid (principal, action, resource) when { context has purpose && context.purpose == "export" };)",
    R"(forbid (principal, action, resource) when { context.token has acr && context.token.acr == "weak" };)",
    R"(permit (principal, action, resource) unless { context.token has acr };)",
    R"(permit (principal, action, resource) unless { context has tenant };)",
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool chance(std::size_t one_of) { return below(one_of) == 0; }
  template <class Array>
  std::string pick(const Array& array) {
    return std::string(array[below(std::size(array))]);
  }

 private:
  std::mt19937_64 engine_;
};

std::string random_principal(Random& random) {
  switch (random.below(4)) {
    case 0:
      return "principal";
    case 1:
      return "principal == Writ::Agent::\"" + random.pick(kAgents) + "\"";
    case 2:
      return "principal == Writ::Application::\"" + random.pick(kClients) + "\"";
    default:
      constexpr std::string_view kKinds[] = {"User", "Application", "Service", "Agent"};
      return "principal is Writ::" + random.pick(kKinds);
  }
}

// A forbid says `unless`: what is not known does not keep it from firing.
std::string random_policy(Random& random) {
  const bool permits = !random.chance(5);
  std::string policy = permits ? "permit (" : "forbid (";
  policy += random_principal(random);
  policy += random.chance(3) ? R"(, action == Shop::Action::"read", resource))" : ", action, resource)";
  const auto conditions = random.below(permits ? 3 : 2) + (permits ? 0 : 1);
  for (std::size_t i = 0; i < conditions; ++i)
    policy += (permits ? " when { " : " unless { ") + random.pick(kConditions) + " }";
  return policy + ";";
}

std::vector<std::string> random_policies(Random& random) {
  std::vector<std::string> policies;
  // Enough to be permitted now and then.
  policies.push_back("permit (principal is Writ::User, action, resource);");
  policies.push_back("permit (principal is Writ::Agent, action, resource);");
  for (auto more = 2 + random.below(6); more > 0; --more) policies.push_back(random_policy(random));
  return policies;
}

World make_world(const std::vector<std::string>& policies) {
  Json json = codec::parse_json(kWorld).value();
  Json all = Json::array();
  for (std::size_t i = 0; i < policies.size(); ++i)
    all.push("@id(\"p" + std::to_string(i) + "\") " + policies[i]);
  json.set("policies", std::move(all));
  return World(json, source_path());
}

// The one that presents it comes last; `actors` are nearest first, and begin with an agent that presents it.
void add_agent(token::AccessClaims& claims, const std::string& agent) {
  if (claims.actors.empty() && claims.client_id != claims.subject)
    claims.actors.push_back({claims.client_id, {}});
  claims.actors.insert(claims.actors.begin(), {agent, {}});
  claims.client_id = agent;
}

// Only claims that are true: what contradicts the inventory or the task is refused for that, and hiding a
// contradiction is no way to hide a fact. So a service, which has no tenant here, claims none, and who has
// purposes may act for each that is claimed.
token::AccessClaims random_claims(Random& random, Instant now) {
  auto claims = token::testing::valid_claims(now);
  claims.audience = "https://shop.example";
  claims.client_id = random.pick(kClients);
  const bool user = !random.chance(6);
  claims.subject = user ? random.pick(kUsers) : claims.client_id;
  if (random.chance(4)) add_agent(claims, random.pick(kAgents));
  if (!random.chance(3)) {
    claims.task = claims.subject == "south-user" ? "t-other" : random.pick(kTasks);
    if (!random.chance(3)) claims.purpose = *claims.task == "t-other" ? "export" : "support";
  } else if (!random.chance(3)) {
    claims.purpose = random.pick(kPurposes);
  }
  if (user && !random.chance(3)) claims.tenant = claims.subject.starts_with("south") ? "south" : "north";
  if (claims.client_id == "production-app" && random.chance(2)) claims.environment = "production";
  if (random.chance(2)) claims.acr = random.chance(2) ? "strong" : "weak";
  if (random.chance(2)) claims.auth_time = now - std::chrono::seconds(random.below(7200));
  if (random.chance(2)) claims.key_thumbprint = std::string(43, 'k');
  return claims;
}

// Two tokens that differ in one thing. Made once for many worlds: signatures are not what this is about.
struct Pair {
  token::Verified before, after;
};

std::vector<Pair> random_pairs(Random& random, const std::function<void(token::AccessClaims&)>& change) {
  const auto now = instant_from_unix_seconds(1750000000);
  std::vector<Pair> pairs;
  for (int i = 0; i < kPairs; ++i) {
    const auto claims = random_claims(random, now);
    auto changed = claims;
    change(changed);
    pairs.push_back({token::testing::verified(claims, now), token::testing::verified(changed, now)});
  }
  return pairs;
}

// What is asked with either token.
Question random_question(Random& random, Instant now) {
  Question question(Json::object({{"token", Json::object({})},
                                  {"api", "shop"},
                                  {"action", R"(Shop::Action::"read")"},
                                  {"resource", random.pick(kResources)},
                                  {"ip", "192.0.2.7"}}),
                    now);
  if (random.chance(4)) question.action.id = "write";
  return question;
}

bool permitted(Asker& asker, const token::Verified& token, Question& question) {
  question.claims = token.claims();
  return asker.ask(token, question).permitted();
}

std::string shown(const std::vector<std::string>& policies, const Question& question) {
  std::string text;
  for (const auto& policy : policies) text += policy + "\n";
  return text + token::claims_to_json(question.claims).dump() + "\n" + question.action.id + " " +
         question.resource.id;
}

using Hide = void (*)(token::AccessClaims&);
constexpr Hide kHides[] = {
    [](token::AccessClaims& claims) { claims.purpose.reset(); },
    [](token::AccessClaims& claims) { claims.tenant.reset(); },
    [](token::AccessClaims& claims) { claims.environment.reset(); },
    [](token::AccessClaims& claims) { claims.acr.reset(); },
    [](token::AccessClaims& claims) { claims.auth_time.reset(); },
};

// Calls check(world, asker, pair, question) for each random request to each random world.
template <class Check>
void for_each_request(Random& random, const std::vector<Pair>& pairs, Check check) {
  for (int number = 0; number < kWorlds; ++number) {
    const auto policies = random_policies(random);
    const World world = make_world(policies);
    Asker asker(world);
    for (int i = 0; i < kQuestions; ++i) {
      Question question = random_question(random, world.now);
      const Pair& pair = pairs[random.below(pairs.size())];
      check(world, asker, pair, question);
      if (::testing::Test::HasFatalFailure()) {
        ADD_FAILURE() << shown(policies, question);
        return;
      }
    }
  }
}

// What is permitted with the second token of a pair is permitted with the first.
void expect_no_more_after(Random& random, const std::vector<Pair>& pairs) {
  int permits = 0;
  for_each_request(random, pairs, [&](const World&, Asker& asker, const Pair& pair, Question& question) {
    if (!permitted(asker, pair.after, question)) return;
    ++permits;
    ASSERT_TRUE(permitted(asker, pair.before, question));
  });
  EXPECT_GT(permits, 1000);
}

TEST(DecisionProperties, AnAgentThatJoinsNeverAddsPermission) {
  Random random(1);
  expect_no_more_after(random,
                       random_pairs(random, [&](auto& claims) { add_agent(claims, random.pick(kAgents)); }));
}

TEST(DecisionProperties, APermitIsThePermitOfEachParty) {
  Random random(2);
  int permits = 0;
  Workspace alone;
  const auto pairs = random_pairs(random, [](auto&) {});
  for_each_request(
      random, pairs, [&](const World& world, Asker& asker, const Pair& pair, Question& question) {
        if (!permitted(asker, pair.before, question)) return;
        ++permits;
        const auto& context = asker.context();
        for (const auto& party : context.parties()) {
          const cedar::Request request{party.uid, context.action(), context.resource(), context.record()};
          ASSERT_TRUE(decide_plain(world.policies, request, context.entities(), alone).permitted())
              << party.uid.to_string();
        }
      });
  EXPECT_GT(permits, 1000);
}

TEST(DecisionProperties, OfAPermitIsKnownWhichPoliciesPermittedWhichParty) {
  Random random(5);
  int permits = 0;
  cedar::Evaluation alone;
  const auto pairs = random_pairs(random, [](auto&) {});
  for_each_request(
      random, pairs, [&](const World& world, Asker& asker, const Pair& pair, Question& question) {
        question.claims = pair.before.claims();
        const Decision& decision = asker.ask(pair.before, question);
        if (!decision.permitted()) {
          ASSERT_TRUE(decision.carried().empty());
          return;
        }
        ++permits;
        const auto& context = asker.context();
        std::vector<std::string> carried, expected;
        for (const auto& each : decision.carried())
          carried.push_back(std::to_string(each.party) + " " +
                            std::string(decision.policies().at(each.policy)));
        for (std::size_t i = 0; i < context.parties().size(); ++i) {
          const cedar::Request request{context.parties()[i].uid, context.action(), context.resource(),
                                       context.record()};
          cedar::authorize(*world.policies.policies, request, context.entities(), alone);
          for (const auto policy : alone.satisfied_permits())
            expected.push_back(std::to_string(i) + " " + std::string(world.policies.policies->id(policy)));
        }
        ASSERT_EQ(expected, carried);
      });
  EXPECT_GT(permits, 1000);
}

std::vector<Pair> pairs_with_a_hidden_claim(Random& random) {
  return random_pairs(random, [&](auto& claims) { kHides[random.below(std::size(kHides))](claims); });
}

TEST(DecisionProperties, HidingAClaimNeverHelps) {
  Random random(3);
  expect_no_more_after(random, pairs_with_a_hidden_claim(random));
}

// The exceptions: with such a policy hiding does help.
TEST(DecisionProperties, HidingAClaimHelpsWithAPolicyThatNeedsItAbsent) {
  Random random(4);
  const auto pairs = pairs_with_a_hidden_claim(random);
  for (const auto hazard : kHazards) {
    int helped = 0;
    for (int number = 0; number < kWorlds / 10; ++number) {
      auto policies = random_policies(random);
      policies.emplace_back(hazard);
      const World world = make_world(policies);
      Asker asker(world);
      for (int i = 0; i < kQuestions; ++i) {
        Question question = random_question(random, world.now);
        const Pair& pair = pairs[random.below(pairs.size())];
        helped += permitted(asker, pair.after, question) && !permitted(asker, pair.before, question);
      }
    }
    EXPECT_GT(helped, 0) << hazard;
  }
}

}  // namespace
}  // namespace writ::decision::properties_test
