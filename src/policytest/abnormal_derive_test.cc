#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "policytest/abnormal.h"
#include "policytest/testing/acme.h"

namespace writ::policytest::abnormal_derive_test {
namespace {

using testing::ask_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testing::suite_of;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kTasks = R"(fixtures:
  tasks:
    t: {purpose: support, subject: nora, agents: [support-agent], budget: {calls: 2}, expires_in_seconds: 600,
        actions: ['Billing::Action::"read"'], resources: ['Billing::Invoice::"inv-1001"']}
    unlimited: {purpose: support, subject: nora, agents: [support-agent],
        actions: ['Billing::Action::"read"'], resources: ['Billing::Invoice::"inv-1001"']}
)";

class Derived : public ::testing::Test {
 protected:
  // From a request for an invoice with a token of these claims.
  void derive_from(std::string_view claims, std::string_view more = "") {
    suite_ = suite_of(std::string(kTasks) +
                      fmt::format("tests:\n  - {{name: a, token: {{{}}}, request: GET /invoices/inv-1001, "
                                  "expect: permit{}}}\n",
                                  claims, more));
    if (suite_.tests.empty()) return;
    all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  }
  std::vector<std::string> what(Dimension dimension) const {
    std::vector<std::string> texts;
    for (const Variant& variant : all_)
      if (variant.dimension == dimension) texts.push_back(variant.what);
    return texts;
  }
  const Variant& first(Dimension dimension) const {
    return *std::ranges::find(all_, dimension, &Variant::dimension);
  }
  const Variant& only(Dimension dimension) const {
    const auto found = std::ranges::find(all_, dimension, &Variant::dimension);
    EXPECT_THAT(what(dimension), SizeIs(1));
    return *found;
  }

  const Surroundings surroundings_ = Surroundings::of(testing::acme());
  Suite suite_;
  Answer permit_{.effect = decision::Effect::kPermit,
                 .code = "permit",
                 .message = {},
                 .party = {},
                 .path = {},
                 .policies = {},
                 .guard = {},
                 .reasons = {},
                 .refused = {},
                 .api = "invoices",
                 .action = R"(Billing::Action::"read")",
                 .resource = R"(Billing::Invoice::"inv-1001")"};
  std::vector<Variant> all_;
};

constexpr std::string_view kNora = "sub: nora, client_id: support-portal, purpose: support, tenant: north";
constexpr std::string_view kAgent =
    "sub: nora, client_id: support-agent, act: [support-agent, support-portal], purpose: support, task: t";

TEST_F(Derived, NoneEqualsTheOriginalOrAnother) {
  derive_from(std::string(kAgent) + ", bound: true, acr: two, auth_time: -5m, tenant: north");
  std::set<std::string> seen{request_to_json(ask_of(suite_).request).dump()};
  for (const Variant& variant : all_) {
    auto text = request_to_json(variant.request).dump();
    if (variant.world != nullptr) text += variant.world->fixtures.dump();
    if (variant.before != Before::kNothing)
      text += fmt::format(" after {}", static_cast<int>(variant.before));
    EXPECT_TRUE(seen.insert(text).second) << dimension_name(variant.dimension) << ": " << variant.what;
  }
}

TEST_F(Derived, EachOtherPartyTakesTheClientsAndTheUsersPlace) {
  derive_from(kNora);
  EXPECT_THAT(what(Dimension::kOtherApplication),
              UnorderedElementsAre(
                  "marketing-app in place of support-portal", "nightly-export in place of support-portal",
                  "ops-console in place of support-portal", "support-agent in place of support-portal",
                  "mail-drafter in place of support-portal"));
  EXPECT_THAT(what(Dimension::kOtherUser),
              UnorderedElementsAre("niklas in place of nora", "sofia in place of nora",
                                   "somebody-else in place of nora"));
  EXPECT_EQ(only(Dimension::kNoUser).request.token.subject, "support-portal");
  EXPECT_FALSE(only(Dimension::kNoToken).request.token.present);
}

TEST_F(Derived, AClientForItselfHasNoUserToTakeAway) {
  derive_from("client_id: nightly-export, purpose: export");
  EXPECT_THAT(what(Dimension::kOtherUser), IsEmpty());
  EXPECT_THAT(what(Dimension::kNoUser), IsEmpty());
  // The other one acts for itself, too.
  for (const Variant& variant : all_)
    if (variant.dimension == Dimension::kOtherApplication) {
      EXPECT_EQ(variant.request.token.subject, variant.request.token.client);
    }
}

TEST_F(Derived, ValuesOfAClaimAreThoseOfTheWorld) {
  derive_from(kNora);
  EXPECT_THAT(what(Dimension::kOtherTenant), UnorderedElementsAre("tenant `south` in place of `north`",
                                                                  "tenant `another` in place of `north`"));
  EXPECT_THAT(what(Dimension::kOtherPurpose),
              UnorderedElementsAre(
                  "purpose `another` in place of `support`", "purpose `export` in place of `support`",
                  "purpose `marketing` in place of `support`", "purpose `operations` in place of `support`"));
  EXPECT_THAT(what(Dimension::kOtherEnvironment), IsEmpty());
  derive_from("client_id: support-portal");
  EXPECT_THAT(what(Dimension::kOtherTenant), IsEmpty());
}

TEST_F(Derived, ATokenIsForEachOtherApiOnceAndABoundOneIsPresentedWrongly) {
  derive_from(kNora);
  EXPECT_THAT(what(Dimension::kOtherApi), UnorderedElementsAre("a token for mail", "a token for writ"));
  EXPECT_THAT(what(Dimension::kUnbound), IsEmpty());
  EXPECT_THAT(what(Dimension::kWronglyBound), IsEmpty());
  derive_from(std::string(kNora) + ", bound: true");
  EXPECT_THAT(what(Dimension::kUnbound),
              ElementsAre("a token that is bound to no key", "a bound token without a proof"));
  EXPECT_FALSE(first(Dimension::kUnbound).request.token.bound);
  std::vector<Proof> proofs;
  for (const Variant& variant : all_)
    if (variant.dimension == Dimension::kWronglyBound) proofs.push_back(variant.request.proof);
  EXPECT_THAT(proofs, ElementsAre(Proof::kOtherKey, Proof::kOtherRequest, Proof::kReplayed));
}

TEST_F(Derived, AChainIsLongerSwappedAndOfOthers) {
  derive_from(kAgent);
  EXPECT_THAT(what(Dimension::kLongerChain),
              ElementsAre("mail-drafter before the chain", "mail-drafter behind the chain",
                          "mail-drafter before the chain, in a task made out so",
                          "mail-drafter behind the chain, in a task made out so"));
  EXPECT_THAT(what(Dimension::kShorterChain), ElementsAre("without support-portal"));
  EXPECT_THAT(what(Dimension::kSwappedChain), ElementsAre("support-agent and support-portal"));
  EXPECT_THAT(what(Dimension::kOtherActor),
              ElementsAre("mail-drafter in place of support-agent", "mail-drafter in place of support-portal",
                          "mail-drafter in place of support-agent, in a task made out so",
                          "mail-drafter in place of support-portal, in a task made out so"));
  const auto swapped = only(Dimension::kSwappedChain).request.token.actors;
  EXPECT_EQ(swapped.at(0).subject, "support-portal");
}

TEST_F(Derived, AChainThatIsAsLongAsATokenTakesIsNotMadeLonger) {
  std::string act;
  for (std::size_t i = 0; i < token::kMaxChain; ++i) act += fmt::format("a{}, ", i);
  derive_from(fmt::format("sub: nora, client_id: support-agent, act: [{}]", act));
  EXPECT_THAT(what(Dimension::kLongerChain), IsEmpty());
}

TEST_F(Derived, TimesLieBeforeAndAfterTheTokensAndTheTasks) {
  derive_from(kAgent);
  const auto now = suite_.now;
  for (const Variant& variant : all_) {
    const auto& token = variant.request.token;
    if (variant.what == "before the token's time") {
      EXPECT_GT(token.not_before.value(), now);
    }
    if (variant.what == "after the token's time") {
      EXPECT_LT(token.expires_at.value(), now);
    }
    if (variant.what == "before the task's window") {
      EXPECT_LT(variant.request.time, suite_.tasks[0].task.not_before);
    }
    if (variant.what == "after the task's window") {
      EXPECT_GT(variant.request.time, suite_.tasks[0].task.expires_at);
    }
  }
  EXPECT_THAT(what(Dimension::kBeforeWindow), SizeIs(2));
  EXPECT_THAT(what(Dimension::kAfterWindow), SizeIs(2));
  EXPECT_EQ(only(Dimension::kAfterEnd).before, Before::kEndTask);
  EXPECT_EQ(only(Dimension::kAfterBudget).before, Before::kUseUpBudget);
}

TEST_F(Derived, ATaskWithoutABudgetHasNoneToUseUpAndNoTaskHasNoEnd) {
  derive_from("sub: nora, client_id: support-agent, task: unlimited");
  EXPECT_THAT(what(Dimension::kAfterBudget), IsEmpty());
  EXPECT_THAT(what(Dimension::kAfterEnd), SizeIs(1));
  derive_from(kNora);
  EXPECT_THAT(what(Dimension::kAfterEnd), IsEmpty());
}

TEST_F(Derived, AnActionAndAResourceStandNextToTheAllowedOnes) {
  derive_from(kNora);
  EXPECT_THAT(what(Dimension::kNextAction),
              UnorderedElementsAre(R"(credit on Billing::Invoice::"inv-1001")",
                                   R"(list on Billing::Invoice::"inv-1001")",
                                   R"(totals on Billing::Invoice::"inv-1001")"));
  EXPECT_THAT(what(Dimension::kNextResource), UnorderedElementsAre(R"(read on Billing::Invoice::"inv-1002")",
                                                                   R"(read on Billing::Invoice::"inv-2001")",
                                                                   R"(read on Billing::Invoice::"another")"));
  // Each over its own route.
  for (const Variant& variant : all_)
    if (variant.what == R"(credit on Billing::Invoice::"inv-1001")") {
      EXPECT_EQ(variant.request.target.method, "POST");
      EXPECT_EQ(variant.request.target.path, "/invoices/inv-1001/credit");
    } else if (variant.dimension == Dimension::kNextResource) {
      EXPECT_TRUE(variant.request.target.path.starts_with("/invoices/")) << variant.what;
    } else if (variant.what == R"(list on Billing::Invoice::"inv-1001")") {
      EXPECT_EQ(variant.request.target.api, "invoices");  // no route leads there
    }
}

TEST_F(Derived, ATokenIsIssuedADayEarlierAndStillGood) {
  derive_from(kNora);
  const auto& token = only(Dimension::kOldToken).request.token;
  EXPECT_EQ(token.issued_at.value(), suite_.now - std::chrono::hours(24));
  EXPECT_GT(token.expires_at.value(), suite_.now);
}

TEST_F(Derived, AnotherUserComesInATaskThatIsForThemToo) {
  derive_from(kAgent);
  for (const Variant& variant : all_)
    if (variant.what == "sofia in place of nora, in a task made out so") {
      EXPECT_EQ(variant.world->tasks[0].task.subject, "sofia");
      EXPECT_EQ(variant.world->tasks[1].task.subject, "nora");
      EXPECT_EQ(*variant.world->fixtures.find("tasks")->find("t")->find_string("subject"), "sofia");
      return;
    }
  FAIL() << "not derived";
}

TEST_F(Derived, ATaskBearsEachLabelThatTheWorldKnowsAndAllTogether) {
  derive_from(kAgent);
  EXPECT_THAT(what(Dimension::kLabelledTask), IsEmpty());
  suite_.tasks[1].task.labels = {"read:secret", "input:untrusted"};
  all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  EXPECT_THAT(what(Dimension::kLabelledTask),
              ElementsAre("in a task that bears `input:untrusted`", "in a task that bears `read:secret`",
                          "in a task that bears all labels"));
  suite_.tasks[0].task.labels = {"read:secret"};
  all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  EXPECT_THAT(what(Dimension::kLabelledTask), ElementsAre("in a task that bears `input:untrusted`"));
}

TEST_F(Derived, ATaskIsTriedWithNoMoreThan16Labels) {
  derive_from(kAgent);
  for (int i = 0; i < 40; ++i) suite_.tasks[1].task.labels.push_back(std::to_string(i));
  all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  EXPECT_THAT(what(Dimension::kLabelledTask), SizeIs(16 + 1));
}

TEST_F(Derived, ASubTaskAndItsParentAreNotChangedAlone) {
  derive_from(kAgent);
  suite_.tasks[0].task.parent = "unlimited";
  suite_.tasks[1].task.labels = {"read:secret"};
  all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  EXPECT_THAT(what(Dimension::kLabelledTask), IsEmpty());
  EXPECT_TRUE(
      std::ranges::none_of(all_, [](const Variant& each) { return each.what.ends_with("made out so"); }));
}

TEST_F(Derived, NoMoreThan32ResourcesAreNext) {
  cedar::EntitiesBuilder builder;
  for (int i = 0; i < 40; ++i) {
    auto& arena = builder.arena();
    ASSERT_TRUE(builder.add(arena.entity("Billing::Invoice", std::to_string(i)),
                            cedar::Value::record(cedar::empty_record()), {}));
  }
  derive_from(kNora);
  suite_.entities = *std::move(builder).build();
  all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  EXPECT_THAT(what(Dimension::kNextResource), SizeIs(32 + 1));  // and one that nobody knows
}

TEST_F(Derived, EachOptionalClaimIsHiddenAlone) {
  derive_from(std::string(kAgent) + ", acr: two, auth_time: -5m, tenant: north");
  EXPECT_THAT(what(Dimension::kHiddenClaim),
              UnorderedElementsAre("without `task`", "without `purpose`", "without `tenant`", "without `acr`",
                                   "without `auth_time`", "without `act`"));
  EXPECT_THAT(what(Dimension::kStaleAuthentication), SizeIs(1));
}

TEST_F(Derived, WhatTheApisTokensDoNotCarryCannotBeWrongOrHidden) {
  derive_from(std::string(kNora) + ", auth_time: -5m");
  for (auto& api : suite_.world.apis)
    if (api.id == "invoices") api.claims = std::vector<std::string>{"purpose"};
  all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  EXPECT_THAT(what(Dimension::kOtherTenant), IsEmpty());
  EXPECT_THAT(what(Dimension::kStaleAuthentication), IsEmpty());
  EXPECT_THAT(what(Dimension::kHiddenClaim), ElementsAre("without `purpose`"));
}

TEST_F(Derived, AClientThatIsItsOwnOnlyActorHidesNothing) {
  derive_from("sub: nora, client_id: support-agent, act: [support-agent]");
  EXPECT_THAT(what(Dimension::kHiddenClaim), Not(Contains("without `act`")));
}

TEST_F(Derived, ATokenThatIsAskedForIsPresentedNowhere) {
  suite_ = suite_of(
      "tests:\n  - {name: a, token: {sub: nora, client_id: support-portal, purpose: support}, issue: mail, "
      "expect: permit}\n");
  permit_.api = "mail";
  permit_.action = R"(Writ::Action::"issue")";
  permit_.resource = R"(Writ::Api::"mail")";
  all_ = derive(surroundings_, suite_, ask_of(suite_).request, permit_);
  for (const auto dimension : {Dimension::kNoToken, Dimension::kOtherApi, Dimension::kBeforeWindow,
                               Dimension::kNextAction, Dimension::kNextResource})
    EXPECT_THAT(what(dimension), IsEmpty()) << dimension_name(dimension);
  EXPECT_THAT(what(Dimension::kOtherUser), SizeIs(3));
}

TEST(DerivedRequest, ReadsAsTheSameRequest) {
  const auto suite = suite_of(
      std::string(kTasks) +
      fmt::format("tests:\n  - {{name: a, token: {{{}, bound: true}}, ip: 10.0.0.1, proof: other_key, "
                  "request: GET /invoices/inv-1001, expect: permit}}\n",
                  kAgent));
  const auto json = request_to_json(ask_of(suite).request);
  auto again = json;
  again.set("name", "again");
  again.set("expect", "permit");
  const auto read = suite_of(std::string(kTasks) + "tests: [" + again.dump() + "]\n");
  EXPECT_EQ(request_to_json(ask_of(read).request).dump(), json.dump());
}

}  // namespace
}  // namespace writ::policytest::abnormal_derive_test
