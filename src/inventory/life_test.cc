// The life of an identity: dates, reviews, and the days of its use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inventory/directory.h"
#include "inventory/facts.h"
#include "inventory/testing/memory_store.h"

namespace writ::inventory::life_test {
namespace {

using ::testing::HasSubstr;

const Instant kNow = instant_from_unix_seconds(1'767'225'600);  // 2026-01-01
constexpr auto kDay = std::chrono::days(1);
constexpr Day kToday = 20'454;

Identity agent(std::string id) {
  return {.id = std::move(id), .kind = Kind::kAgent};
}

class LifeTest : public ::testing::Test {
 protected:
  ManualClock clock{kNow};
  testing::MemoryStore store;
  Directory directory{store, {.clock = &clock}};

  const Member& at(std::string_view id) {
    last_ = directory.snapshot();
    return *last_->find(id);
  }

 private:
  std::shared_ptr<const Snapshot> last_;
};

TEST_F(LifeTest, DatesAreJudgedAtTheInstant) {
  auto identity = agent("a");
  identity.expires_at = kNow + kDay;
  identity.review_by = kNow;
  ASSERT_TRUE(directory.create(identity));
  EXPECT_EQ(at("a").status(), Status::kActive);
  EXPECT_EQ(at("a").status_at(kNow - Duration(1)), Status::kActive);
  EXPECT_EQ(at("a").status_at(kNow), Status::kLapsed);
  EXPECT_EQ(at("a").status_at(kNow + kDay), Status::kExpired);
}

TEST_F(LifeTest, TheStricterOfOrderAndDateIsInForce) {
  auto identity = agent("a");
  identity.expires_at = kNow;
  ASSERT_TRUE(directory.create(identity, Status::kSuspended));
  EXPECT_EQ(at("a").status_at(kNow - kDay), Status::kSuspended);
  EXPECT_EQ(at("a").status_at(kNow), Status::kExpired);
  ASSERT_TRUE(directory.order("a", Status::kRetired));
  EXPECT_EQ(at("a").status_at(kNow), Status::kRetired);
}

TEST_F(LifeTest, AnActivationDoesNotBringBackWhatExpired) {
  auto identity = agent("a");
  identity.expires_at = kNow;
  ASSERT_TRUE(directory.create(identity, Status::kSuspended));
  ASSERT_TRUE(directory.order("a", Status::kActive));
  EXPECT_EQ(at("a").status_at(kNow), Status::kExpired);
}

TEST_F(LifeTest, AReviewCarriesOnUntilTheNextAndOutlivesAReload) {
  auto identity = agent("a");
  identity.review_by = kNow;
  ASSERT_TRUE(directory.declare({{identity}, {}}));
  ASSERT_TRUE(directory.review({"a", kNow, "nora", kNow + 30 * kDay}));
  EXPECT_EQ(at("a").status_at(kNow + kDay), Status::kActive);
  EXPECT_EQ(at("a").status_at(kNow + 30 * kDay), Status::kLapsed);
  identity.description = "changed";
  ASSERT_TRUE(directory.declare({{identity}, {}}));
  EXPECT_EQ(at("a").review_by(), kNow + 30 * kDay);
  Directory again(store);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.snapshot()->find("a")->beside().review, (Review{"a", kNow, "nora", kNow + 30 * kDay}));
}

TEST_F(LifeTest, ALaterReviewOfTheConfigurationCounts) {
  auto identity = agent("a");
  identity.review_by = kNow;
  ASSERT_TRUE(directory.declare({{identity}, {}}));
  ASSERT_TRUE(directory.review({"a", kNow, "nora", kNow + 300 * kDay}));
  identity.reviewed_at = kNow + kDay;
  identity.review_by = kNow + 2 * kDay;
  ASSERT_TRUE(directory.declare({{identity}, {}}));
  EXPECT_EQ(at("a").status_at(kNow + 2 * kDay), Status::kLapsed);
}

TEST_F(LifeTest, ReviewsOfWhatIsNotThereOrRetiredOrEndAtOnceAreRefused) {
  EXPECT_EQ(directory.review({"a", kNow, "nora", kNow + kDay}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(directory.create(agent("a")));
  EXPECT_EQ(directory.review({"a", kNow, "nora", kNow}).error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(directory.order("a", Status::kRetired));
  EXPECT_EQ(directory.review({"a", kNow, "nora", kNow + kDay}).error().code, ErrorCode::kConflict);
}

TEST_F(LifeTest, TheFirstActivationIsNotedAndKept) {
  ASSERT_TRUE(directory.create(agent("a"), Status::kRequested));
  EXPECT_EQ(at("a").use().active_since(), 0u);
  clock.advance(std::chrono::days(3));
  ASSERT_TRUE(directory.order("a", Status::kActive));
  EXPECT_EQ(at("a").use().active_since(), kToday + 3);
  clock.advance(std::chrono::days(3));
  ASSERT_TRUE(directory.order("a", Status::kSuspended));
  ASSERT_TRUE(directory.order("a", Status::kActive));
  Directory again(store);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.snapshot()->find("a")->use().last_or_activation(), kToday + 3);
}

TEST_F(LifeTest, WhatWasThereBeforeAnybodyCountedIsActiveFromTheFirstCountOn) {
  Directory uncounted(store);
  ASSERT_TRUE(uncounted.create(agent("a")));
  ASSERT_TRUE(directory.load());
  EXPECT_EQ(at("a").use().active_since(), 0u);
  EXPECT_EQ(directory.keep_use(), 1u);
  EXPECT_EQ(at("a").use().last_or_activation(), kToday);
  EXPECT_EQ(directory.keep_use(), 0u);
}

TEST_F(LifeTest, DaysOfUseOutliveChangesAndRestarts) {
  ASSERT_TRUE(directory.create(agent("a")));
  at("a").use().note(kToday + 5);
  at("a").use().note(kToday + 2);  // a clock that went back
  ASSERT_TRUE(directory.update(agent("a")));
  EXPECT_EQ(at("a").use().last(), kToday + 5);
  EXPECT_EQ(directory.keep_use(), 1u);
  EXPECT_EQ(directory.keep_use(), 0u);
  Directory again(store);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.snapshot()->find("a")->use().first(), kToday + 5);
  EXPECT_EQ(again.snapshot()->find("a")->use().last(), kToday + 5);
}

TEST(FactsTest, ARecordKeepsEveryFact) {
  auto identity = agent("a");
  identity.sponsor = "nora";
  identity.parent = "maker";
  identity.description = "answers mail";
  identity.provider = "acme";
  identity.model = "m-1";
  identity.blueprint = "b-1";
  identity.created_at = kNow;
  identity.expires_at = kNow + std::chrono::hours(7);
  identity.reviewed_at = kNow;
  identity.review_by = kNow + kDay;
  identity.needs_owner = true;
  identity.credentials = {{.type = CredentialType::kKey, .id = "k1", .expires_at = kNow, .bound = true},
                          {.type = CredentialType::kToken, .id = "t1", .strength = "bearer"}};
  identity.evidence = codec::Json::array();
  const auto text = identity_record(identity);
  const auto read = identity_from_record(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(identity_record(*read), text);
  EXPECT_THAT(text, HasSubstr(R"("expires_at":"2026-01-01T07:00:00Z")"));
}

TEST(FactsTest, WhatNobodyKnowsIsShown) {
  const auto shown = identity_to_json(agent("a"), Status::kActive).dump();
  EXPECT_THAT(
      shown,
      HasSubstr(
          R"("unknown":["owner","environment","purpose","created_at","expires_at","sponsor","provider","model"])"));
  const auto said =
      identity_from_json(codec::parse_json(R"({"id":"a","kind":"agent","sponsor":"unknown"})").value());
  EXPECT_FALSE(said->sponsor);
}

TEST(FactsTest, WhatIsShownCanBeReadBack) {
  auto identity = agent("a");
  identity.expires_at = kNow;
  auto shown = identity_to_json(identity, Status::kActive);
  shown.set("status", "expired");
  const auto read = identity_from_shown(shown.dump());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->expires_at, kNow);
  EXPECT_EQ(read->configured_status, Status::kActive);
}

TEST(FactsTest, FactsThatContradictEachOtherAreRefused) {
  const auto refused = [](std::string_view members, std::string_view why) {
    const auto read = identity_from_json(codec::parse_json(members).value());
    ASSERT_FALSE(read) << members;
    EXPECT_THAT(read.error().message, HasSubstr(why));
  };
  refused(R"({"id":"a","kind":"service","sponsor":"nora"})", "only an agent has a `sponsor`");
  refused(R"({"id":"a","kind":"agent","parent":"a"})", "its own `parent`");
  refused(R"({"id":"a","kind":"agent","status":"expired"})",
          "expected active, requested, suspended or retired");
  refused(R"({"id":"a","kind":"agent","reviewed_at":"2026-01-02","review_by":"2026-01-01"})", "is not after");
  refused(R"({"id":"a","kind":"agent","expires_at":"tomorrow"})", "is `tomorrow`, expected a date");
  refused(R"({"id":"a","kind":"agent","model":"m","attributes":{"model":"n"}})",
          "is given as a key and in `attributes`");
  refused(R"({"id":"a","kind":"agent","attributes":{"lastUsed":1}})", "is reserved; Writ fills it in");
  refused(R"({"id":"a","kind":"agent","credentials":[{"type":"token"},{"type":"token"}]})",
          "two of type `token`");
  refused(R"({"id":"a","kind":"agent","credentials":[{"type":"secret","kid":"x"}]})", "only a key has one");
  refused(R"({"id":"nora","kind":"user","needs_owner":true})", "a user has no owner");
  refused(R"({"id":"a","kind":"agent","evidence":[]})", "evidence");
}

}  // namespace
}  // namespace writ::inventory::life_test
