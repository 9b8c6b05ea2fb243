// Policies that read a claim which tokens did not carry before: they wait until no token lacks it.
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "control/testing/desk.h"
#include "policy/policies_in_force.h"

namespace writ::policy::policies_waiting_test {
namespace {

namespace fs = std::filesystem;
using control::testing::word;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kConfig = R"(version: 1
issuer: https://writ.example
listen: {{api: "127.0.0.1:8180"}}
tokens: {{lifetime_seconds: {}}}
policies: {{files: [p.cedar]}}
inventory:
  identities: [{{id: ops-desk, kind: service}}, {{id: ops-console, kind: service}}]
  apis: [{{id: shop, audience: "https://shop.example", namespace: Shop, actions: [{}], claims: contract}}]
)";
constexpr std::string_view kOperators =
    R"(@id("console") permit (principal == Writ::Service::"ops-console", action, resource);)";
constexpr std::string_view kReadsAcr = R"(
@id("strong") forbid (principal, action == Shop::Action::"read", resource) unless { context.token has acr };)";
constexpr std::string_view kReadsTime = R"(
@id("fresh") forbid (principal, action == Shop::Action::"read", resource) unless { context.token has authTime };)";
constexpr Duration kLife = std::chrono::seconds(300);

class PoliciesWaiting : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "data");
    configure(300, "read");
    say(std::string(kOperators));
    start();
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, std::string_view text) { std::ofstream(root_ / file) << text; }
  void say(const std::string& text) { write("p.cedar", text); }
  void say_more(std::string_view text) { say(std::string(kOperators) + std::string(text)); }
  void configure(int lifetime, std::string_view actions) {
    write("writ.yaml", fmt::format(kConfig, lifetime, actions));
  }

  // As after a restart, where there was one before.
  void start() {
    sets_.reset();
    at_start_ = {};
    files::Issues issues;
    loaded_ = load(root_ / "writ.yaml", issues);
    ASSERT_TRUE(loaded_) << (issues.all().empty() ? "" : render(issues.all().front()));
    desk.current.replace(loaded_->policies.snapshot);
    const auto record = [this](audit::Record line) {
      Result<void> result;
      desk.audit.append(std::move(line), [&](Result<void> done) { result = std::move(done); });
      return result;
    };
    sets_.emplace(
        PoliciesInForce::Parts{desk.clock, record, desk.current, desk.directory, [](const Loaded&) {}},
        *loaded_);
    const auto started = sets_->start(loaded_->texts, at_start_);
    ASSERT_TRUE(started) << started.error().message;
    policies.emplace(desk.authority, *sets_);
  }

  control::Replacement reload(bool at_once = false) {
    auto request = codec::Json();
    if (at_once) request = codec::Json::object({{"at_once", true}});
    auto done = policies->reload(desk.as_operator(), request);
    EXPECT_TRUE(done) << word(done);
    return done ? *std::move(done) : control::Replacement();
  }
  bool due() {
    const auto done = sets_->put_due_in_force();
    EXPECT_TRUE(done) << done.error().message;
    return done && *done;
  }
  std::string in_force() const { return sets_->get()->revision; }
  // Whether new tokens for the shop carry it.
  bool carried(std::string_view name) const {
    const auto snapshot = sets_->get();
    const auto apis = loaded_->world.declared.apis;
    const auto shop = std::ranges::find(apis, "shop", &inventory::Api::id);
    const auto table = token::claim_table();
    const auto claim = std::ranges::find(table, name, &token::Claim::name);
    return decision::minted_claims(*shop, *snapshot, {}, nullptr)->wants(*claim);
  }
  static std::vector<std::string> messages(const files::Issues& issues) {
    std::vector<std::string> all;
    for (const auto& issue : issues.all()) all.push_back(issue.message);
    return all;
  }
  const files::Issues& at_start() const { return at_start_; }
  const fs::path& root() const { return root_; }

  control::testing::Desk desk;
  std::optional<control::Policies> policies;

 private:
  const fs::path root_ = fs::temp_directory_path() / fmt::format("writ-waiting-{}", ::getpid());
  std::optional<Loaded> loaded_;
  std::optional<PoliciesInForce> sets_;
  files::Issues at_start_;
};

TEST_F(PoliciesWaiting, TokensCarryTheClaimAtOnceAndThePoliciesThatReadItWaitOneTokenLife) {
  const auto before = in_force();
  say_more(kReadsAcr);
  const auto replaced = reload();
  ASSERT_TRUE(replaced.waiting);
  EXPECT_EQ(desk.clock.now() + kLife, replaced.waiting->until);
  EXPECT_FALSE(replaced.changed);
  EXPECT_EQ(before, replaced.revision);
  EXPECT_EQ(before, in_force());
  EXPECT_TRUE(carried("acr"));
  desk.clock.advance(kLife - std::chrono::milliseconds(1));
  EXPECT_FALSE(due());
  EXPECT_EQ(before, in_force());
  desk.clock.advance(std::chrono::milliseconds(1));
  EXPECT_TRUE(due());
  EXPECT_EQ(replaced.waiting->revision, in_force());
  EXPECT_TRUE(carried("acr"));
  EXPECT_FALSE(due()) << "once";
}

TEST_F(PoliciesWaiting, TheAnswerNamesPolicyClaimApiAndUntilWhen) {
  say_more(kReadsAcr);
  const auto replaced = reload();
  EXPECT_THAT(messages(replaced.issues),
              ElementsAre(AllOf(HasSubstr("API `shop` carry `acr` from now on"), HasSubstr("300 s"),
                                HasSubstr("policy `strong` reads `context.token.acr`"),
                                HasSubstr(audit::format_time(desk.clock.now() + kLife)))));
  const auto state = policies->list(desk.as_operator());
  ASSERT_TRUE(state);
  ASSERT_TRUE(state->waiting);
  EXPECT_EQ(replaced.waiting->revision, state->waiting->revision);
}

TEST_F(PoliciesWaiting, WaitingAndTakingForceAreOnRecordWithWhoeverAsked) {
  say_more(kReadsAcr);
  reload();
  reload();
  desk.clock.advance(kLife);
  EXPECT_TRUE(due());
  EXPECT_THAT(desk.told(),
              ElementsAre("decision/permit", "policies.waiting", "decision/permit", "policies.replaced"));
  const auto last = desk.audit.lines().back();
  EXPECT_EQ("ops-console", *last.find_string("actor"));
  EXPECT_EQ("api", *last.find_string("object"));
}

TEST_F(PoliciesWaiting, WithoutTheRecordOfItNothingIsMintedOtherwise) {
  say_more(kReadsAcr);
  desk.record = [](audit::Record, audit::Log::Done done) { done({}); };  // that it was permitted is recorded
  desk.audit.broken = true;
  EXPECT_EQ("io", word(policies->reload(desk.as_operator())));
  EXPECT_FALSE(carried("acr"));
}

TEST_F(PoliciesWaiting, AtOnceTakesForceAndSaysWhatBreaks) {
  say_more(kReadsAcr);
  const auto replaced = reload(true);
  EXPECT_FALSE(replaced.waiting);
  EXPECT_TRUE(replaced.changed);
  EXPECT_EQ(replaced.revision, in_force());
  EXPECT_THAT(messages(replaced.issues),
              ElementsAre(AllOf(HasSubstr("as if nobody knew it"), HasSubstr("300 s"),
                                HasSubstr("policy `strong`"))));
}

TEST_F(PoliciesWaiting, AtOnceAlsoPutsInForceWhatWaits) {
  say_more(kReadsAcr);
  reload();
  desk.clock.advance(std::chrono::seconds(100));
  const auto replaced = reload(true);
  EXPECT_TRUE(replaced.changed);
  EXPECT_THAT(messages(replaced.issues), ElementsAre(HasSubstr("for up to 200 s"))) << "of the old ones";
  desk.clock.advance(kLife);
  EXPECT_FALSE(due());
}

TEST_F(PoliciesWaiting, WhatReadsNoMoreTakesForceAtOnce) {
  say_more(R"(@id("more") permit (principal, action == Shop::Action::"read", resource);)");
  const auto replaced = reload();
  EXPECT_FALSE(replaced.waiting);
  EXPECT_TRUE(replaced.changed);
  EXPECT_THAT(replaced.issues.all(), IsEmpty());
}

TEST_F(PoliciesWaiting, FilesThatChangeAgainWaitForWhatIsNewInThem) {
  say_more(kReadsAcr);
  const auto first = reload().waiting;
  desk.clock.advance(std::chrono::seconds(100));
  say_more(std::string(kReadsAcr) + std::string(kReadsTime));
  const auto second = reload().waiting;
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->until + std::chrono::seconds(100), second->until);
  desk.clock.advance(std::chrono::seconds(200));
  EXPECT_FALSE(due()) << "the first is given up";
  desk.clock.advance(std::chrono::seconds(100));
  EXPECT_TRUE(due());
  EXPECT_EQ(second->revision, in_force());
}

TEST_F(PoliciesWaiting, FilesThatAreAsBeforeEndTheWait) {
  const auto before = in_force();
  say_more(kReadsAcr);
  reload();
  say(std::string(kOperators));
  EXPECT_FALSE(reload().waiting);
  EXPECT_FALSE(carried("acr"));
  desk.clock.advance(kLife);
  EXPECT_FALSE(due());
  EXPECT_EQ(before, in_force());
}

TEST_F(PoliciesWaiting, ARollbackEndsTheWait) {
  const auto before = in_force();
  say_more(kReadsAcr);
  reload();
  ASSERT_TRUE(policies->roll_back(desk.as_operator(), codec::Json::object({{"revision", before}})));
  desk.clock.advance(kLife);
  EXPECT_FALSE(due());
  EXPECT_EQ(before, in_force());
  EXPECT_TRUE(reload().held);
}

TEST_F(PoliciesWaiting, ARollbackWaitsForNothingAndSaysWhatBreaks) {
  say_more(kReadsAcr);
  const auto reads = reload(true).revision;
  say(std::string(kOperators));
  reload();
  EXPECT_FALSE(carried("acr"));
  desk.clock.advance(kLife);
  const auto back = policies->roll_back(desk.as_operator(), codec::Json::object({{"revision", reads}}));
  ASSERT_TRUE(back) << word(back);
  EXPECT_EQ(reads, in_force());
  EXPECT_THAT(messages(back->issues), Contains(HasSubstr("policy `strong`")));
}

TEST_F(PoliciesWaiting, ARestartIsNoWayAroundIt) {
  const auto before = in_force();
  say_more(kReadsAcr);
  const auto waiting = reload().waiting;
  ASSERT_TRUE(waiting);
  desk.clock.advance(std::chrono::seconds(100));
  start();
  EXPECT_EQ(before, in_force());
  EXPECT_TRUE(carried("acr"));
  EXPECT_THAT(messages(at_start()), ElementsAre(HasSubstr("policy `strong`")));
  desk.clock.advance(std::chrono::seconds(200));
  EXPECT_TRUE(due()) << "the time before the restart counts";
  EXPECT_EQ(waiting->revision, in_force());
}

TEST_F(PoliciesWaiting, FilesThatChangeWhileWritIsDownWaitToo) {
  const auto before = in_force();
  say_more(kReadsAcr);
  start();
  EXPECT_EQ(before, in_force());
  EXPECT_TRUE(carried("acr"));
  EXPECT_FALSE(due());
  desk.clock.advance(kLife);
  EXPECT_TRUE(due());
}

TEST_F(PoliciesWaiting, AStartAfterOneTokenLifeWaitsForNothing) {
  say_more(kReadsAcr);
  const auto waiting = reload().waiting;
  ASSERT_TRUE(waiting);
  desk.clock.advance(kLife);
  start();
  EXPECT_EQ(waiting->revision, in_force());
  EXPECT_THAT(at_start().all(), IsEmpty());
}

TEST_F(PoliciesWaiting, WhatWasKeptOfTokensAndIsBrokenStopsTheStart) {
  write("data/policy-revisions/minted", "{");
  files::Issues issues;
  auto loaded = load(root() / "writ.yaml", issues);
  ASSERT_TRUE(loaded);
  PoliciesInForce sets(PoliciesInForce::Parts{desk.clock, [](audit::Record) { return Result<void>(); },
                                              desk.current, desk.directory, [](const Loaded&) {}},
                       *loaded);
  EXPECT_FALSE(sets.start(loaded->texts, issues));
}

// The rest of the configuration does not wait: it may stop somebody.
TEST_F(PoliciesWaiting, TheRestOfTheConfigurationTakesForceAtOnce) {
  say_more(kReadsAcr);
  configure(300, "read, write");
  const auto replaced = reload();
  EXPECT_TRUE(replaced.waiting);
  EXPECT_TRUE(replaced.changed);
  const auto inventory = desk.current.get()->inventory;
  const auto* shop = inventory->find_api("shop");
  ASSERT_NE(nullptr, shop);
  EXPECT_THAT(shop->actions, ElementsAre("read", "write"));
}

}  // namespace
}  // namespace writ::policy::policies_waiting_test
