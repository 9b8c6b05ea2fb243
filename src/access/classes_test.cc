// Of classes: members of one are never decided differently, by whatever request of theirs; what separates two
// does so again; and what the API itself sees.
#include "access/classes.h"

#include <gtest/gtest.h>
#include <iostream>

#include "access/look_alikes.h"
#include "access/testing/asked_world.h"
#include "access/testing/random_trial.h"
#include "access/testing/shop.h"
#include "cedar/schema_syntax.h"

namespace writ::access::classes_test {
namespace {

using testing::Random;
using testing::Shop;

constexpr std::size_t kQuickCases = 600;

struct Tally {
  std::size_t compared = 0, permitted = 0, separated = 0, not_known = 0;
};

// Random worlds, until so many requests were sent by two members of a class.
void compare(Names names, std::size_t cases, Tally& tally) {
  Random random(testing::seed_or(11));
  const auto court = Court::make().value();
  while (tally.compared < cases) {
    const auto world = testing::random_world(random);
    testing::AskedWorld asked(world, *court);
    const Frame& frame = asked.frame();
    const Target& target = asked.read();
    const auto classes = asked.classes(names);
    tally.not_known += classes.not_known.size();
    for (const Separation& each : classes.separations) {
      ++tally.separated;
      ASSERT_TRUE(court->judge(each.permitted_trial, frame)->permitted);
      ASSERT_FALSE(court->judge(each.refused_trial, frame)->permitted);
    }
    for (const CallerClass& each : classes.classes) {
      std::vector<const Chain*> chains;
      for (const ChainGroup* group : each.groups)
        for (const Chain& chain : group->chains) chains.push_back(&chain);
      for (int i = 0; chains.size() > 1 && i < 12; ++i) {
        const Chain& one = *chains[random.below(chains.size())];
        const Chain& other = *chains[random.below(chains.size())];
        Certainties of_one(frame, one, *target.api, target.point),
            of_other(frame, other, *target.api, target.point);
        const Trial trial = testing::random_trial(random, of_one, target);
        // What the catalogue says of a resource names one user, and cannot be exchanged.
        if (names == Names::kExchanged && trial.resource.id == "1") continue;
        const Trial twin = exchanged(trial, one, other, of_other, names);
        const auto first = court->judge(trial, frame), second = court->judge(twin, frame);
        if (!first || !second) continue;
        ++tally.compared;
        tally.permitted += first->permitted ? 1 : 0;
        std::string policies;
        for (const auto& text : world.texts) policies += text + "\n";
        ASSERT_EQ(first->permitted, second->permitted)
            << text_of(one) << " and " << text_of(other) << "\n"
            << policies << to_json(trial).dump() << "\n"
            << to_json(twin).dump() << "\n"
            << (second->refusal ? second->refusal->message : first->refusal->message);
      }
    }
  }
  std::cout << tally.compared << " compared, " << tally.permitted << " of them permitted; " << tally.separated
            << " separated, " << tally.not_known << " pairs not known\n";
}

TEST(AccessClasses, MembersAreNeverDecidedDifferentlyAndSeparationsReplay) {
  Tally tally;
  ASSERT_NO_FATAL_FAILURE(compare(Names::kExchanged, testing::cases_or(kQuickCases), tally));
  EXPECT_GT(tally.permitted, 10u);
  EXPECT_GT(tally.separated, 20u);
}

TEST(AccessClasses, NorAreThoseOfTheStrictRelation) {
  Tally tally;
  ASSERT_NO_FATAL_FAILURE(compare(Names::kStrict, testing::cases_or(kQuickCases), tally));
  EXPECT_GT(tally.permitted, 5u);
  EXPECT_GT(tally.separated, 20u);
}

constexpr std::string_view kPeople = R"([
  {"id": "nora", "kind": "user", "tenant": "north"},
  {"id": "niklas", "kind": "user", "tenant": "north"},
  {"id": "portal", "kind": "application", "acts_for": ["users"]},
  {"id": "marketing", "kind": "application", "acts_for": ["users"]}])";

std::size_t reaching(const TargetClasses& classes) {
  return static_cast<std::size_t>(
      std::ranges::count_if(classes.classes, [](const CallerClass& each) { return each.reached.may(); }));
}

bool finds(const TargetClasses& classes, std::string_view kind) {
  return std::ranges::any_of(classes.findings, [&](const ClassFinding& each) { return each.kind == kind; });
}

TEST(AccessClasses, TheSameUserThroughTwoApplicationsIsFound) {
  Shop shop(kPeople, {"permit (principal, action, resource);"});
  const auto classes = shop.classes();
  EXPECT_TRUE(finds(classes, "same user through two applications"));
  EXPECT_TRUE(finds(classes, "with and without a task"));
}

TEST(AccessClasses, AConditionOnTheApplicationTellsThemApart) {
  Shop shop(kPeople, {"permit (principal is Writ::User, action, resource);",
                      R"(permit (principal == Writ::Application::"portal", action, resource);)"});
  const auto classes = shop.classes();
  EXPECT_FALSE(finds(classes, "same user through two applications"));
  EXPECT_FALSE(classes.separations.empty());
}

TEST(AccessClasses, AnOwnersRuleIsOneClassUpToTheOwnName) {
  Shop shop(kPeople,
            {"permit (principal is Writ::User, action, resource) when { resource.owner == principal };",
             "permit (principal is Writ::Application, action, resource);"});
  // The listed users; the one that stands for others, who has no tenant of its own; applications for
  // themselves.
  EXPECT_EQ(3u, reaching(shop.classes()));
  EXPECT_LT(reaching(shop.classes()), reaching(shop.classes(Names::kStrict)));
}

TEST(AccessClasses, AnApiThatReadsTheSubjectAloneTakesTwoApplicationsForOneCaller) {
  Shop shop(kPeople, {"permit (principal, action, resource);"});
  const auto alike = look_alikes(*shop.survey, {shop.read()}, {"sub", "scope"});
  ASSERT_TRUE(alike.has_value());
  ASSERT_FALSE(alike->empty());
  EXPECT_EQ("client_id", alike->front().change);
  EXPECT_TRUE(look_alikes(*shop.survey, {shop.read()}, {"sub", "client_id", "act"})->empty());
}

constexpr std::string_view kTwoPlaces = R"([
  {"id": "nora", "kind": "user", "tenant": "north"},
  {"id": "sofia", "kind": "user", "tenant": "south"},
  {"id": "portal", "kind": "application", "acts_for": ["users"]},
  {"id": "batch", "kind": "service", "environment": "production"},
  {"id": "trial", "kind": "service", "environment": "test"}])";

// The guard compares tenants where the resource has one. Where nobody tells it, both pass.
TEST(AccessClasses, TwoTenantsAreFoundWhereOnlyTheResourceCouldTellThemApart) {
  Shop shop(kTwoPlaces, {"permit (principal, action, resource);"});
  const auto classes = shop.classes();
  EXPECT_TRUE(finds(classes, "two tenants"));
  EXPECT_TRUE(finds(classes, "two environments"));
  EXPECT_TRUE(std::ranges::any_of(classes.separations, [](const Separation& each) {
    return each.permitted_trial.attributes.find("tenant") != nullptr;
  })) << "a resource that says its tenant separates them";
}

TEST(AccessClasses, ConditionsOnTenantAndEnvironmentTellThemApart) {
  Shop shop(kTwoPlaces,
            {R"(permit (principal, action, resource) when { context has tenant && resource has tenant &&
                  context.tenant == resource.tenant };)",
             R"(permit (principal is Writ::Service, action, resource) when { context has environment &&
                  context.environment == "production" };)"});
  const auto classes = shop.classes();
  EXPECT_FALSE(finds(classes, "two tenants"));
  EXPECT_FALSE(finds(classes, "two environments"));
}

TEST(AccessClasses, WhereTheSchemaSaysThatEachHasATenantTheGuardTellsThemApart) {
  Shop shop(kTwoPlaces, {"permit (principal, action, resource);"});
  const auto with = [&](std::string_view attributes) {
    std::vector<cedar::SchemaFragment> fragments;
    fragments.push_back(
        cedar::parse_schema_text("namespace Shop { entity Order = { " + std::string(attributes) + " }; }")
            .value());
    shop.world.policies.schema = cedar::resolve_schema(fragments).value();
    return shop.classes();
  };
  EXPECT_FALSE(finds(with("tenant: String"), "two tenants"));
  EXPECT_TRUE(finds(with("tenant?: String"), "two tenants"));
  const auto untold = with("amount: Long");
  EXPECT_TRUE(finds(untold, "two tenants"));
  EXPECT_TRUE(std::ranges::none_of(untold.separations, [](const Separation& each) {
    return each.permitted_trial.attributes.find("tenant") != nullptr;
  })) << "no resource of the type has one";
}

TEST(AccessClasses, AClaimThatNobodyKnowsIsRefusedByName) {
  Shop shop(kPeople, {"permit (principal, action, resource);"});
  const auto alike = look_alikes(*shop.survey, {shop.read()}, {"sub", "shoe_size"});
  ASSERT_FALSE(alike.has_value());
  EXPECT_NE(std::string::npos, alike.error().message.find("`shoe_size`"));
}

// ---- reach on worlds that can be read

Reached ask(Shop& shop, const std::vector<std::string>& ids, Target target) {
  Chain chain;
  for (const auto& id : ids) {
    const ChainLink* link = shop.census->find(id);
    WRIT_CHECK(link != nullptr);
    chain.push_back(*link);
  }
  Certainties certain(*shop.frame, chain, *target.api, target.point);
  return shop.reach->ask(certain, target, {.conditions = true, .witness = true});
}

constexpr std::string_view kAgents = R"([
  {"id": "nora", "kind": "user", "tenant": "north"},
  {"id": "sofia", "kind": "user", "tenant": "south"},
  {"id": "portal", "kind": "application", "acts_for": ["users"], "tenant": "north"},
  {"id": "old", "kind": "application", "acts_for": ["users"], "status": "suspended"},
  {"id": "helper", "kind": "agent", "acts_for": ["portal"], "purposes": ["support"]},
  {"id": "seller", "kind": "agent", "acts_for": ["helper"], "purposes": ["marketing"]}])";

TEST(Reach, WithoutAPermitForTheApplicationItIsNever) {
  Shop shop(kPeople, {"permit (principal is Writ::User, action, resource);"});
  const auto reached = ask(shop, {"nora", "portal"}, shop.read());
  EXPECT_EQ(Verdict::kNever, reached.verdict);
  EXPECT_EQ("policy_no_permit", reached.reason);
}

TEST(Reach, ASuspendedClientNeverReachesAnything) {
  Shop shop(kAgents, {"permit (principal, action, resource);"});
  EXPECT_EQ("caller_suspended", ask(shop, {"nora", "old"}, shop.read()).reason);
}

TEST(Reach, TwoTenantsNeverMeetInOneChain) {
  Shop shop(kAgents, {"permit (principal, action, resource);"});
  EXPECT_EQ("tenant_mismatch", ask(shop, {"sofia", "portal"}, shop.read()).reason);
}

TEST(Reach, AnAgentAtUseIsWhenAndWitnessedWithATask) {
  Shop shop(kAgents, {"permit (principal, action, resource);"});
  const auto reached = ask(shop, {"nora", "portal", "helper"}, shop.read());
  EXPECT_EQ(Verdict::kWhen, reached.verdict);
  ASSERT_TRUE(reached.witness.has_value());
  EXPECT_TRUE(reached.witness->task.has_value());
}

TEST(Reach, AgentsWithoutACommonPurposeNeverWorkTogether) {
  Shop shop(kAgents, {"permit (principal, action, resource);"});
  EXPECT_EQ("purpose_mismatch", ask(shop, {"nora", "portal", "helper", "seller"}, shop.read()).reason);
}

TEST(Reach, AForbidThatCertainlyHoldsOrFailsIsNever) {
  Shop shop(kPeople,
            {"permit (principal, action, resource);",
             "forbid (principal, action, resource) when { principal is Writ::User && principal.nothing };"});
  EXPECT_EQ("policy_forbid", ask(shop, {"nora", "portal"}, shop.read()).reason);
}

TEST(Reach, AForbidUnlessApprovedIsWitnessedWithAnApproval) {
  Shop shop(kPeople, {"permit (principal, action, resource);",
                      "forbid (principal, action, resource) unless { context.approved };"});
  const auto reached = ask(shop, {"nora", "portal"}, shop.read());
  ASSERT_TRUE(reached.witness.has_value());
  EXPECT_TRUE(reached.witness->approved);
}

TEST(Reach, ATimeThatIsOverIsNever) {
  Shop shop(
      kPeople,
      {R"(permit (principal, action, resource) when { context.request.time < datetime("2020-01-01") };)"});
  EXPECT_EQ(Verdict::kNever, ask(shop, {"nora", "portal"}, shop.read()).verdict);
}

TEST(Reach, ATokenThatIsIssuedInAnyCaseIsAlways) {
  Shop shop(kPeople, {"permit (principal, action, resource);"});
  EXPECT_EQ(Verdict::kAlways, ask(shop, {"nora", "portal"}, Target::issue(*shop.read().api)).verdict);
  // A resource of which nothing is known may be of another tenant.
  EXPECT_EQ(Verdict::kWhen, ask(shop, {"nora", "portal"}, shop.read()).verdict);
}

TEST(Reach, WhatIsLeftIsToldInWords) {
  Shop shop(
      kPeople,
      {R"(permit (principal, action, resource) when { context has purpose && context.purpose == "support" };)"});
  const auto reached = ask(shop, {"nora", "portal"}, shop.read());
  ASSERT_FALSE(reached.conditions.empty());
  EXPECT_EQ("the purpose is known and the purpose is `support`", reached.conditions.front().words);
  ASSERT_TRUE(reached.witness.has_value());
  EXPECT_EQ("support", reached.witness->claims.purpose);
}

}  // namespace
}  // namespace writ::access::classes_test
