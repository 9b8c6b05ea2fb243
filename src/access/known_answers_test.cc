// What is answered again after a change: answers that are known are those that would be made, in random
// worlds after random changes; and only what a change touches is asked.
#include "access/known_answers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>

#include "access/survey.h"
#include "access/testing/random_world.h"

namespace writ::access::known_answers_test {
namespace {

using testing::Random;
using testing::RandomWorld;

constexpr Detail kWhole{.conditions = true, .witness = true};

// All that an answer says.
std::string whole(const Reached& reached) {
  std::string text = fmt::format("{}|{}|{}", verdict_name(reached.verdict), reached.reason, reached.message);
  for (const auto& policy : reached.policies) text += "|" + policy;
  for (const Remainder& each : reached.conditions)
    text += fmt::format("|{} {} {} {} {} {}", each.party, each.policy, each.forbids, each.cedar, each.words,
                        each.follows);
  if (reached.witness)
    text += "|" + to_json(*reached.witness).dump() + std::to_string(unix_millis(reached.witness->time)) +
            " " + std::to_string(unix_millis(reached.witness->claims.expires_at));
  return text;
}

std::vector<Target> targets_of(const inventory::Snapshot& inventory) {
  std::vector<Target> targets;
  for (const inventory::Api* api : inventory.apis()) {
    targets.push_back(Target::issue(*api));
    for (const auto& action : api->actions) {
      for (const auto type : testing::kTypes)
        targets.push_back(
            {.api = api, .action = {api->action_type(), action}, .resource_type = std::string(type)});
    }
  }
  return targets;
}

// Answers about every chain and target, in order; and how many of each were asked.
struct Round {
  std::vector<std::string> answers, asked_about;

  static std::string name(const Chain& chain, const Target& target) {
    return text_of(chain) + ": " + (target.point == Point::kIssue ? "token" : target.action.id) + " " +
           target.resource_type;
  }
};

// Of the chains each so-manieth.
Round ask_all(const Frame& frame, Court& court, KnownAnswers* known, std::size_t every = 1) {
  Reach reach(frame, court, known);
  const Census census(reach);
  bool cut = false;
  Round round;
  std::size_t place = 0;
  for (const Chain& chain : census.chains({.links = 2}, cut)) {
    if (place++ % every != 0) continue;
    for (const Target& target : targets_of(frame.inventory)) {
      Certainties certain(frame, chain, *target.api, target.point);
      const auto before = known != nullptr ? known->counts().asked : 0;
      round.answers.push_back(Round::name(chain, target) + " " + whole(reach.ask(certain, target, kWhole)));
      if (known != nullptr && known->counts().asked != before)
        round.asked_about.push_back(Round::name(chain, target));
    }
  }
  return round;
}

// A text of the catalogue, and what becomes of it.
constexpr std::pair<std::string_view, std::string_view> kOtherEntities[] = {
    {R"("amount": 5)", R"("amount": 50)"},
    {R"("public": true)", R"("public": false)"},
    {R"("level": "high")", R"("level": "low")"},
    {R"({"lead": {"__entity": {"type": "Writ::User", "id": "u2"}}})", R"({})"},
    {R"("parents": [{"type": "Writ::Group", "id": "staff"}]})", R"("parents": []})"},
    {R"("desk": "A")", R"("desk": "B")"},
    {R"("forPurposes": ["support"])", R"("forPurposes": ["export"])"},
    {R"({"uid": {"type": "Shop::Order", "id": "2"})", R"({"uid": {"type": "Shop::Order", "id": "9"})"},
    {R"({"uid": {"type": "Writ::Group", "id": "staff"}, "attrs": {}, "parents": []})",
     R"({"uid": {"type": "Writ::Group", "id": "staff"}, "attrs": {}, "parents": [{"type": "Shop::Group", "id": "late"}]})"}};

std::shared_ptr<const cedar::Entities> other_entities(std::size_t at) {
  std::string text(testing::kCatalogue);
  const auto& [from, to] = kOtherEntities[at];
  const auto place = text.find(from);
  WRIT_CHECK(place != std::string::npos);
  return cedar::entities_from_json(text.replace(place, from.size(), to)).value();
}

// One policy, one identity, one entity or what was pushed becomes another, or time goes on.
RandomWorld changed(const RandomWorld& world, Random& random, std::string& what) {
  RandomWorld other = world;
  const auto way = random.below(7);
  if (way == 5) {
    const auto at = random.below(std::size(kOtherEntities));
    what = "of the entities " + std::string(kOtherEntities[at].first) + " changes";
    other.policies.entities = other_entities(at);
    return other;
  }
  if (way == 6) {
    what = "other entities are pushed";
    if (world.policies.schema != nullptr) other.pushed = testing::random_pushed(random);
    return other;
  }
  if (way < 2) {
    const auto at = random.below(other.texts.size() + 1);
    const auto policy = testing::random_policy(random);
    what = "policy " + std::to_string(at) + " becomes " + policy;
    if (at == other.texts.size()) {
      other.texts.push_back(policy);
    } else {
      other.texts[at] = policy;
    }
    other.policies.policies = testing::compiled(other.texts);
    return other;
  }
  const auto members = world.inventory->members();
  inventory::Identity identity = members[random.below(members.size())]->identity();
  what = identity.id + " changes";
  if (random.chance(50)) identity.tenant = random.pick(testing::kTenants);
  if (random.chance(50)) identity.attributes.set("level", static_cast<std::int64_t>(random.below(4)));
  if (random.chance(20)) identity.configured_status = inventory::Status::kSuspended;
  if (identity.kind != inventory::Kind::kUser && random.chance(40)) identity.purposes = {"support"};
  if (random.chance(30)) identity.owner = "u1";
  if (random.chance(30)) identity.needs_owner = true;
  other.inventory = world.inventory->with({std::move(identity)}, {}).value();
  return other;
}

TEST(KnownAnswers, AreThoseThatWouldBeMadeAfterWhateverChange) {
  Random random(23);
  const auto court = Court::make().value();
  std::size_t asked = 0, all = 0;
  for (int number = 0; number < 8; ++number) {
    RandomWorld world = testing::random_world(random);
    KnownAnswers known;
    Instant at = testing::kNow;
    std::string what = "the first";
    for (int step = 0; step < 7; ++step) {
      const Frame frame{*world.inventory, world.policies, at, world.pushed.get()};
      const Round fresh = ask_all(frame, *court, nullptr, 5);
      const Round again = ask_all(frame, *court, &known, 5);
      ASSERT_EQ(fresh.answers.size(), again.answers.size());
      for (std::size_t i = 0; i < fresh.answers.size(); ++i)
        ASSERT_EQ(fresh.answers[i], again.answers[i]) << "world " << number << ", after: " << what;
      if (step > 0) asked += again.asked_about.size();
      if (step > 0) all += again.answers.size();
      world = changed(world, random, what);
      // Also across an end of a calendar, and dates that policies name.
      if (random.chance(30)) at += std::chrono::hours(1 + random.below(24 * 8));
    }
  }
  std::cout << asked << " of " << all << " answers were asked again\n";
  EXPECT_LT(asked, all * 3 / 4);
  EXPECT_GT(asked, 0u);
}

struct Small {
  std::shared_ptr<const inventory::Snapshot> inventory;
  decision::PolicySnapshot policies;
  std::unique_ptr<Court> court = Court::make().value();
  KnownAnswers known;
  Instant at = testing::kNow;

  explicit Small(std::vector<std::string> texts) {
    const auto json = codec::parse_json(R"([
      {"id": "nora", "kind": "user", "tenant": "north"},
      {"id": "niklas", "kind": "user", "tenant": "south"},
      {"id": "portal", "kind": "application", "acts_for": ["users"]},
      {"id": "shop-app", "kind": "application", "acts_for": ["users"]},
      {"id": "batch", "kind": "service"}])")
                          .value();
    std::vector<inventory::Identity> all;
    for (const auto& each : *json.if_array()) all.push_back(inventory::identity_from_json(each).value());
    const auto api = codec::parse_json(
        R"({"id": "shop", "audience": "https://shop.example", "namespace": "Shop", "actions": ["read", "write"]})");
    inventory =
        inventory::Snapshot::empty()->with(std::move(all), {inventory::api_from_json(*api).value()}).value();
    policies.entities = cedar::Entities::empty();
    policies.revision = "test";
    put(std::move(texts));
  }
  void put(std::vector<std::string> texts) { policies.policies = testing::compiled(texts); }
  void change(std::string_view id, const std::function<void(inventory::Identity&)>& change) {
    inventory::Identity identity = inventory->find(id)->identity();
    change(identity);
    inventory = inventory->with({std::move(identity)}, {}).value();
  }
  std::vector<std::string> asked() { return ask_all({*inventory, policies, at}, *court, &known).asked_about; }
};

const std::vector<std::string> kPolicies = {
    "permit (principal is Writ::User, action, resource) when { context has purpose };",
    R"(permit (principal is Writ::Application, action == Shop::Action::"read", resource is Shop::Order);)",
    R"(permit (principal == Writ::Application::"portal", action == Shop::Action::"write", resource is Shop::Order);)",
    "permit (principal is Writ::Service, action, resource);"};

TEST(KnownAnswers, WithoutAChangeNothingIsAskedAgain) {
  Small world(kPolicies);
  EXPECT_FALSE(world.asked().empty());
  EXPECT_TRUE(world.asked().empty());
  // Policies that look at no clock answer the same later.
  world.at += std::chrono::hours(100);
  EXPECT_TRUE(world.asked().empty());
}

TEST(KnownAnswers, AfterAChangeOfOnePolicyOnlyWhatItsScopeTouchesIsAsked) {
  Small world(kPolicies);
  world.asked();
  auto texts = kPolicies;
  texts[2] =
      R"(permit (principal == Writ::Application::"portal", action == Shop::Action::"write", resource is Shop::Order) when { context.approved };)";
  world.put(texts);
  const auto asked = world.asked();
  // The portal for itself, and for nora, niklas and any other user: that action on that type, no more.
  EXPECT_EQ(4u, asked.size());
  for (const auto& each : asked) {
    EXPECT_NE(std::string::npos, each.find("portal")) << each;
    EXPECT_TRUE(each.ends_with(": write Shop::Order")) << each;
  }
}

TEST(KnownAnswers, AfterAChangeOfOneIdentityOnlyItsOwnChainsAreAsked) {
  Small world(kPolicies);
  const auto all = world.asked();
  world.change("nora", [](inventory::Identity& nora) { nora.tenant = "south"; });
  const auto asked = world.asked();
  const auto hers = std::ranges::count_if(all, [](const auto& each) { return each.starts_with("nora"); });
  EXPECT_EQ(static_cast<std::size_t>(hers), asked.size());
  for (const auto& each : asked) EXPECT_TRUE(each.starts_with("nora")) << each;
}

constexpr std::string_view kTwoTeams = R"([
  {"uid": {"type": "Writ::User", "id": "nora"}, "attrs": {}, "parents": [{"type": "Shop::Team", "id": "red"}]},
  {"uid": {"type": "Writ::User", "id": "niklas"}, "attrs": {}, "parents": [{"type": "Shop::Team", "id": "blue"}]},
  {"uid": {"type": "Shop::Team", "id": "red"}, "attrs": {"open": true}, "parents": []},
  {"uid": {"type": "Shop::Team", "id": "blue"}, "attrs": {"open": true}, "parents": []},
  {"uid": {"type": "Shop::Shelf", "id": "1"}, "attrs": {"open": true}, "parents": []}])";

TEST(KnownAnswers, AfterAChangeOfOneEntityOnlyWhatReadsItIsAsked) {
  Small world(kPolicies);
  std::string text(kTwoTeams);
  const auto put = [&] { world.policies.entities = cedar::entities_from_json(text).value(); };
  const auto changes = [&](std::string_view from, std::string_view to) {
    const auto place = text.find(from);
    WRIT_CHECK(place != std::string::npos);
    text.replace(place, from.size(), to);
    put();
    return world.asked();
  };
  put();
  world.asked();
  // Nobody is in it, and no policy names it.
  EXPECT_TRUE(
      changes(R"("id": "1"}, "attrs": {"open": true})", R"("id": "1"}, "attrs": {"open": false})").empty());
  const auto asked =
      changes(R"("id": "red"}, "attrs": {"open": true})", R"("id": "red"}, "attrs": {"open": false})");
  EXPECT_FALSE(asked.empty());
  for (const auto& each : asked) EXPECT_TRUE(each.starts_with("nora")) << each;
  // A policy that names a team reads it.
  auto texts = kPolicies;
  texts[3] = R"(permit (principal is Writ::Service, action, resource) when { Shop::Team::"blue".open };)";
  world.put(texts);
  world.asked();
  const auto by_name =
      changes(R"("id": "blue"}, "attrs": {"open": true})", R"("id": "blue"}, "attrs": {"open": false})");
  EXPECT_TRUE(std::ranges::any_of(by_name, [](const auto& each) { return each.starts_with("batch"); }));
  for (const auto& each : by_name)
    EXPECT_TRUE(each.starts_with("niklas") || each.starts_with("batch")) << each;
}

TEST(KnownAnswers, AResourceThatMayBeTriedIsPartOfWhatIsAskedAboutItsType) {
  Small world(kPolicies);
  const auto with = [&](std::string_view id) {
    world.policies.entities =
        cedar::entities_from_json(
            fmt::format(R"([{{"uid": {{"type": "Shop::Order", "id": "{}"}}, "attrs": {{}},
                                                   "parents": []}}])",
                        id))
            .value();
    return world.asked();
  };
  with("1");
  const auto asked = with("2");
  EXPECT_FALSE(asked.empty());
  for (const auto& each : asked)
    EXPECT_TRUE(each.ends_with("Shop::Order") || each.find("token") != each.npos) << each;
}

TEST(KnownAnswers, AnOwnerWhoLeavesIsPartOfWhatNeedsOne) {
  Small world(kPolicies);
  world.change("batch", [](inventory::Identity& batch) { batch.owner = "nora", batch.needs_owner = true; });
  world.asked();
  world.change("nora",
               [](inventory::Identity& nora) { nora.expires_at = testing::kNow + std::chrono::days(9); });
  for (const auto& each : world.asked())
    EXPECT_TRUE(each.starts_with("nora") || each.starts_with("batch")) << each;
}

TEST(KnownAnswers, APolicyThatReadsTheTimeIsAskedAgainAtAnotherTime) {
  auto texts = kPolicies;
  texts[3] = R"(permit (principal is Writ::Service, action, resource)
                when { context.request.time < datetime("2025-06-20") };)";
  Small world(texts);
  world.asked();
  world.at += std::chrono::hours(1);
  const auto asked = world.asked();
  EXPECT_FALSE(asked.empty());
  for (const auto& each : asked) EXPECT_TRUE(each.starts_with("batch")) << each;
}

TEST(KnownAnswers, AWitnessMovesAlongWithTheTime) {
  Small world(kPolicies);
  world.asked();
  world.at += std::chrono::hours(30);
  const Frame frame{*world.inventory, world.policies, world.at};
  Reach reach(frame, *world.court, &world.known);
  const Chain chain{{"batch", world.inventory->find("batch")}};
  const auto& api = *world.inventory->find_api("shop");
  const Target target{
      .api = &api, .action = {"Shop::Action", "read"}, .resource_type = std::string(testing::kTypes[0])};
  Certainties certain(frame, chain, api, Point::kUse);
  const auto before = world.known.counts().asked;
  const auto answer = reach.ask(certain, target, kWhole);
  EXPECT_EQ(before, world.known.counts().asked);
  ASSERT_TRUE(answer.witness.has_value());
  EXPECT_EQ(world.at, answer.witness->time);
  EXPECT_EQ(&api, answer.witness->target.api);
  EXPECT_TRUE(world.court->judge(*answer.witness, frame)->permitted);
}

TEST(KnownAnswers, WithoutRoomTheLongestUnusedGoes) {
  Small world(kPolicies);
  KnownAnswers few(16'000);
  const Frame frame{*world.inventory, world.policies, world.at};
  const auto all = ask_all(frame, *world.court, &few).answers.size();
  EXPECT_LT(few.counts().kept, all);
  EXPECT_GT(few.counts().kept, 0u);
  // And what is made again is the same.
  EXPECT_EQ(ask_all(frame, *world.court, nullptr).answers, ask_all(frame, *world.court, &few).answers);
}

TEST(KnownAnswers, GroupsOfASurveyAreAskedOnce) {
  Small world(kPolicies);
  const Frame frame{*world.inventory, world.policies, world.at};
  const auto rows = [&](KnownAnswers* known) {
    Reach reach(frame, *world.court, known);
    const Census census(reach);
    bool cut = false;
    Survey survey(reach, census.chains({.links = 2}, cut), census);
    std::string text;
    for (const Row& row : survey.ask(survey.targets({}).value(), kWhole)) text += whole(row.reached) + "\n";
    return text;
  };
  const auto fresh = rows(nullptr);
  EXPECT_EQ(fresh, rows(&world.known));
  const auto asked = world.known.counts().asked;
  EXPECT_EQ(fresh, rows(&world.known));
  EXPECT_EQ(asked, world.known.counts().asked);
}

}  // namespace
}  // namespace writ::access::known_answers_test
