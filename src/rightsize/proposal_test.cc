// Proposals of small logs, as records say them.
#include "rightsize/proposal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/record.h"
#include "cedar/compile.h"
#include "cedar/parse.h"

namespace writ::rightsize::proposal_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kUsers = R"(@id("users") permit (principal is Writ::User, action, resource);)";
constexpr std::string_view kApp =
    R"(@id("app") permit (principal == Writ::Application::"app", action, resource);)";

class ProposalTest : public ::testing::Test {
 protected:
  ProposalTest() {
    std::vector<inventory::Identity> identities;
    for (const auto* text : {R"({"id":"nora","kind":"user"})",
                             R"({"id":"app","kind":"application","purposes":["support","export"]})",
                             R"({"id":"a1","kind":"agent"})", R"({"id":"a2","kind":"agent"})",
                             R"({"id":"s1","kind":"service"})"})
      identities.push_back(inventory::identity_from_json(codec::parse_json(text).value()).value());
    const auto shop = codec::parse_json(
        R"({"id":"shop","audience":"https://shop.example","namespace":"Shop","actions":["read","write"]})");
    inventory_ = inventory::Snapshot::empty()
                     ->with(std::move(identities), {inventory::api_from_json(*shop).value()})
                     .value();
    auto types = std::make_shared<decision::PolicySnapshot::ResourceTypes>();
    const cedar::EntityUid read{"Shop::Action", "read"}, write{"Shop::Action", "write"};
    (*types)["Shop::Order"] = {read, write};
    (*types)["Shop::Box"] = {read};
    snapshot_.resource_types = std::move(types);
    snapshot_.entities = cedar::Entities::empty();
    snapshot_.revision = "now";
  }

  // A permit of nora through app, or of a service for itself, on this day, so many times.
  void record(int day, std::string_view policies, std::string_view permits, std::string_view action = "read",
              std::string_view resource = R"(Shop::Order::\"1\")", int times = 1, std::string_view more = "",
              std::string_view parties = R"("subject":"nora","client":"app")") {
    for (int i = 0; i < times; ++i)
      lines_.push_back(fmt::format(
          R"({{"seq":1,"time":"2026-{:02}-{:02}T09:00:{:02}.000Z","type":"decision","point":"gateway","effect":"permit",{},"api":"shop","action":"Shop::Action::\"{}\"","resource":"{}","policies":{},{}{}"policy_revision":"{}"}})",
          1 + day / 28, 1 + day % 28, i % 60, parties, action, resource, policies,
          permits.empty() ? "" : fmt::format("\"permits\":{},", permits), more, revision_));
  }

  Result<Proposal> propose_of(const std::vector<std::string_view>& texts, Thresholds thresholds = {}) {
    set_ = {};
    for (const auto text : texts) {
      auto parsed = cedar::parse_policies(text).value();
      for (auto& policy : parsed.policies) {
        policy.id = fmt::format("p{}", set_.policies.size());
        if (const auto* id = policy.annotation("id")) policy.id = *id->value;
        set_.policies.push_back(std::move(policy));
      }
    }
    snapshot_.policies = cedar::CompiledPolicySet::compile(set_).value();
    EvidenceReader reader(inventory_, window_, thresholds.by_chance);
    for (const auto& line : lines_) {
      if (const auto seen = reader.see(line); !seen) return std::unexpected(seen.error());
    }
    evidence_ = std::move(reader).finish();
    return propose(
        evidence_, {set_, snapshot_, *inventory_},
        [this](const std::string& revision) { return revision == "before" ? same_ : std::nullopt; },
        thresholds);
  }
  static const PolicyUse& of(const Proposal& proposal, std::string_view id) {
    return *std::ranges::find(proposal.policies, id, &PolicyUse::id);
  }

  std::shared_ptr<const inventory::Snapshot> inventory_;
  decision::PolicySnapshot snapshot_;
  cedar::PolicySet set_;
  std::vector<std::string> lines_;
  std::string revision_ = "now";
  Window window_;
  Evidence evidence_;
  std::optional<std::set<std::string>> same_;
};

// Both are used, enough and long enough.
#define RECORD_A_QUARTER() \
  for (int day = 0; day < 90; day += 3) record(day, R"(["users","app"])", "[[0],[1]]")

TEST_F(ProposalTest, WhatWasNotUsedIsDroppedAndWhatWasUsedIsSaid) {
  RECORD_A_QUARTER();
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_EQ(of(proposal, "users").verdict, Fate::kNarrowed);
  EXPECT_THAT(of(proposal, "users").conditions,
              ElementsAre(R"(action == Shop::Action::"read" && resource is Shop::Order)"));
  EXPECT_EQ(of(proposal, "users").evidence,
            "30 uses on 30 days (2026-01-01 to 2026-04-04); never used: Shop::Action::\"read\" on Shop::Box, "
            "Shop::Action::\"write\"");
  EXPECT_EQ(proposal.uncertain, 0u);
}

TEST_F(ProposalTest, WhereAllIsUsedNothingIsAdded) {
  RECORD_A_QUARTER();
  record(89, R"(["users","app"])", "[[0],[1]]", "write");
  record(89, R"(["users","app"])", "[[0],[1]]", "read", R"(Shop::Box::\"1\")");
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_EQ(of(proposal, "users").verdict, Fate::kWhole);
  EXPECT_THAT(of(proposal, "users").conditions, IsEmpty());
}

TEST_F(ProposalTest, AForbidIsNotLookedAt) {
  RECORD_A_QUARTER();
  const auto proposal =
      propose_of({kUsers, R"(@id("no") forbid (principal, action, resource) when { context has x };)", kApp})
          .value();
  ASSERT_EQ(proposal.policies.size(), 2u);
  EXPECT_EQ(proposal.policies[0].policy, 0u);
  EXPECT_EQ(proposal.policies[1].policy, 2u) << "the places are those of the set";
}

TEST_F(ProposalTest, AnUnusedPermitThatWasThereAllTheTimeIsCut) {
  RECORD_A_QUARTER();
  // The revision in force made all of these records, so all its policies were there.
  const auto proposal =
      propose_of({kUsers, kApp, R"(@id("idle") permit (principal is Writ::Agent, action, resource);)"})
          .value();
  EXPECT_EQ(of(proposal, "idle").verdict, Fate::kUnused);
  EXPECT_THAT(of(proposal, "idle").conditions, ElementsAre("false"));
  EXPECT_THAT(of(proposal, "idle").idle, ::testing::SizeIs(2));
}

TEST_F(ProposalTest, APermitIsUsedOnlyWhereNoOtherPermittedItToo) {
  for (int day = 0; day < 90; day += 3) record(day, R"(["users","all","app"])", "[[0,1],[2]]");
  record(40, R"(["all","app"])", "[[0],[1]]", "write", R"(Shop::Order::\"1\")", 20);
  const auto proposal =
      propose_of({kUsers, kApp, R"(@id("all") permit (principal is Writ::User, action, resource);)"}).value();
  EXPECT_EQ(of(proposal, "all").uses.count, 50u) << "it is needed anyhow, so it carries the rest too";
  EXPECT_EQ(of(proposal, "users").verdict, Fate::kRedundant);
  EXPECT_EQ(of(proposal, "users").held.count, 30u);
}

TEST_F(ProposalTest, OfAnOlderRecordAllThatMayHavePermittedItAreKept) {
  for (int day = 0; day < 90; day += 3) record(day, R"(["users","all","app"])", "");
  const auto proposal =
      propose_of({kUsers, kApp, R"(@id("all") permit (principal is Writ::User, action, resource);)"}).value();
  EXPECT_EQ(of(proposal, "users").verdict, Fate::kNarrowed);
  EXPECT_EQ(of(proposal, "all").verdict, Fate::kNarrowed);
  EXPECT_EQ(of(proposal, "app").uses.count, 30u) << "only one of them can be the application's";
  EXPECT_EQ(proposal.uncertain, 30u);
}

TEST_F(ProposalTest, UnderARevisionThatNobodyKnowsAllWhoseScopeMatchesAreKept) {
  revision_ = "gone";
  for (int day = 0; day < 90; day += 3) record(day, R"(["old","app"])", "[[0],[1]]");
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_EQ(of(proposal, "users").uses.count, 30u);
  EXPECT_EQ(proposal.uncertain, 60u);
}

TEST_F(ProposalTest, UnderAnOlderRevisionAPolicyThatIsTheSameIsFollowed) {
  revision_ = "before";
  same_ = {"users", "app"};
  RECORD_A_QUARTER();
  const auto proposal =
      propose_of({kUsers, kApp, R"(@id("new") permit (principal is Writ::User, action, resource);)"});
  EXPECT_EQ(proposal->uncertain, 0u);
  EXPECT_EQ(of(*proposal, "users").uses.count, 30u);
  EXPECT_EQ(of(*proposal, "new").verdict, Fate::kKept);
  EXPECT_THAT(of(*proposal, "new").why, ElementsAre("no revision in the log is known to have it"));
}

TEST_F(ProposalTest, AShortLogCutsNothing) {
  record(0, R"(["users","app"])", "[[0],[1]]", "read", R"(Shop::Order::\"1\")", 40);
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_EQ(of(proposal, "users").verdict, Fate::kKept);
  EXPECT_THAT(of(proposal, "users").conditions, IsEmpty());
  EXPECT_THAT(of(proposal, "users").why, ElementsAre("the log spans 0 days, not 30"));
}

TEST_F(ProposalTest, ThinEvidenceCutsNothing) {
  RECORD_A_QUARTER();
  record(89, R"(["s"])", "[[0]]", "read", R"(Shop::Order::\"1\")", 3, "", R"("client":"s1","subject":"s1")");
  const auto proposal =
      propose_of({kUsers, kApp, R"(@id("s") permit (principal is Writ::Service, action, resource);)"})
          .value();
  EXPECT_EQ(of(proposal, "s").verdict, Fate::kKept);
  EXPECT_THAT(of(proposal, "s").why, ElementsAre("3 uses are thin evidence"));
}

TEST_F(ProposalTest, APolicyThatSaysSoIsKept) {
  RECORD_A_QUARTER();
  const auto proposal = propose_of(
      {kUsers, kApp,
       R"(@id("glass") @rightsize("keep: break-glass") permit (principal is Writ::Agent, action, resource);)",
       R"(@id("yearly") @rightsize("yearly: accounts") permit (principal is Writ::Agent, action, resource);)",
       R"(@id("monthly") @rightsize("monthly") permit (principal is Writ::Agent, action, resource);)"});
  EXPECT_EQ(of(*proposal, "glass").verdict, Fate::kKept);
  EXPECT_THAT(of(*proposal, "yearly").why,
              ElementsAre("it is used yearly, and the log spans 93 days, not 731"));
  EXPECT_EQ(of(*proposal, "monthly").verdict, Fate::kUnused) << "two months would have shown it";
}

TEST_F(ProposalTest, AnAnnotationThatSaysWhatNobodyKnowsIsAnError) {
  RECORD_A_QUARTER();
  const auto proposal = propose_of(
      {kUsers, kApp, R"(@id("x") @rightsize("kepe") permit (principal is Writ::Agent, action, resource);)"});
  ASSERT_FALSE(proposal.has_value());
  EXPECT_THAT(proposal.error().message, HasSubstr("policy `x`: @rightsize(\"kepe\") is not known"));
}

TEST_F(ProposalTest, PrincipalsThatDidNotUseItAreLeftOutButUsersAreNotNamed) {
  RECORD_A_QUARTER();
  for (int day = 0; day < 90; day += 3)
    record(day, R"(["any"])", "[[0]]", "read", R"(Shop::Order::\"1\")", 1, "",
           R"("client":"a1","subject":"a1")");
  const auto proposal = propose_of(
      {kUsers, kApp,
       R"(@id("any") permit (principal, action == Shop::Action::"read", resource is Shop::Order);)"});
  EXPECT_THAT(of(*proposal, "any").conditions, ElementsAre(R"(principal == Writ::Agent::"a1")"));
  EXPECT_THAT(of(*proposal, "users").conditions, ::testing::Each(::testing::Not(HasSubstr("nora"))));
}

TEST_F(ProposalTest, PurposesAreNarrowedToWhatWasSeen) {
  for (int day = 0; day < 90; day += 3)
    record(day, R"(["users","app"])", "[[0],[1]]", "read", R"(Shop::Order::\"1\")", 1,
           R"("purpose":"support",)");
  const auto proposal = propose_of(
      {kUsers,
       R"(@id("app") permit (principal == Writ::Application::"app", action == Shop::Action::"read", resource is Shop::Order) when { context.purpose == "support" };)"});
  EXPECT_THAT(
      of(*proposal, "users").conditions,
      ElementsAre(HasSubstr("Shop::Order"), R"(context has purpose && context.purpose == "support")"));
  EXPECT_EQ(of(*proposal, "app").verdict, Fate::kWhole) << "it has a rule of its own about the purpose";
}

TEST_F(ProposalTest, IdsAddressesAndHoursOnlyWhenAsked) {
  for (int day = 0; day < 90; day += 3)
    record(day, R"(["users","app"])", "[[0],[1]]", "read", R"(Shop::Order::\"1\")", 1,
           R"("peer":"192.0.2.7",)");
  const auto unasked = propose_of({kUsers, kApp}).value();
  for (const auto& condition : of(unasked, "users").conditions) {
    EXPECT_THAT(condition, ::testing::Not(HasSubstr("192.0.2.7")));
    EXPECT_THAT(condition, ::testing::Not(HasSubstr("Order::\"1\"")));
    EXPECT_THAT(condition, ::testing::Not(HasSubstr("toTime")));
  }
  const auto proposal =
      propose_of({kUsers, kApp}, {.by_chance = {.ids = true, .addresses = true, .hours = true}}).value();
  EXPECT_THAT(
      of(proposal, "users").conditions,
      ElementsAre(
          ::testing::_, R"(resource == Shop::Order::"1")",
          R"(context.request has ip && context.request.ip == ip("192.0.2.7"))",
          R"(context.request.time.toTime() >= duration("9h") && context.request.time.toTime() < duration("10h"))"));
}

TEST_F(ProposalTest, OfAListTheTypeOfItsElementsIsLeftOpen) {
  for (int day = 0; day < 90; day += 3)
    record(day, R"(["users","app"])", "", "read", R"(Shop::Order::\"all\")", 1,
           R"("elements":{"permitted":2},)");
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_THAT(of(proposal, "users").conditions, ElementsAre(R"(action == Shop::Action::"read")"));
}

TEST_F(ProposalTest, APolicyWithoutANameIsKeptOverSeveralRevisions) {
  RECORD_A_QUARTER();
  revision_ = "before";
  same_ = {"users", "app"};
  record(0, R"(["users","app"])", "[[0],[1]]");
  const auto proposal =
      propose_of({kUsers, kApp, "permit (principal is Writ::Agent, action, resource);"}).value();
  EXPECT_THAT(of(proposal, "p2").why,
              ElementsAre("it has no @id, so its uses cannot be followed from revision to revision"));
}

TEST_F(ProposalTest, RecordsBeforeAndBehindTheWindowAreNotLookedAt) {
  RECORD_A_QUARTER();
  window_ = {audit::parse_time("2026-02-01T00:00:00.000Z").value(),
             audit::parse_time("2026-03-01T00:00:00.000Z").value()};
  const auto proposal = propose_of({kUsers, kApp});
  EXPECT_EQ(evidence_.permits, 9u);
}

TEST_F(ProposalTest, WhatIsNoRecordIsCounted) {
  RECORD_A_QUARTER();
  lines_.emplace_back("nonsense");
  lines_.emplace_back("[1]");
  ASSERT_TRUE(propose_of({kUsers, kApp}).has_value());
  EXPECT_EQ(evidence_.unreadable, 2u);
}

TEST_F(ProposalTest, ATypeThatIsNoTypeIsNoEvidence) {
  RECORD_A_QUARTER();
  record(1, R"(["users","app"])", "[[0],[1]]", "read",
         R"(Shop::Order }; permit (principal, action, resource) when { resource is Shop::Order::\"1\")");
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_EQ(evidence_.unreadable, 1u);
  for (const auto& use : proposal.policies)
    for (const auto& condition : use.conditions) EXPECT_THAT(condition, ::testing::Not(HasSubstr("permit")));
}

TEST_F(ProposalTest, OfAListOfPoliciesThatWasCutNothingIsConcluded) {
  for (int day = 0; day < 90; day += 3)
    record(day, R"(["app"])", "", "read", R"(Shop::Order::\"1\")", 1, R"("cut":{"policies":40000},)");
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_EQ(of(proposal, "users").uses.count, 30u) << "its scope matches, so it may be what was cut off";
  EXPECT_EQ(proposal.uncertain, 60u);
}

TEST_F(ProposalTest, WhatIsNotAnAddressIsNotNarrowedTo) {
  for (int day = 0; day < 90; day += 3)
    record(day, R"(["users","app"])", "[[0],[1]]", "read", R"(Shop::Order::\"1\")", 1,
           R"("peer":"somewhere",)");
  const auto proposal = propose_of({kUsers, kApp}, {.by_chance = {.addresses = true}}).value();
  for (const auto& condition : of(proposal, "users").conditions)
    EXPECT_THAT(condition, ::testing::Not(HasSubstr("request")));
}

TEST_F(ProposalTest, APlaceThatIsNotInTheListOfPoliciesIsNotBelieved) {
  for (int day = 0; day < 90; day += 3) record(day, R"(["users","app"])", "[[0],[7]]");
  const auto proposal = propose_of({kUsers, kApp}).value();
  EXPECT_EQ(of(proposal, "app").uses.count, 30u) << "all that may have permitted it";
}

}  // namespace
}  // namespace writ::rightsize::proposal_test
