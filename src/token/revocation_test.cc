#include "token/revocation.h"

#include <gtest/gtest.h>

namespace writ::token::revocation_test {
namespace {

using namespace std::chrono_literals;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

struct FakeStore final : RevocationStore {
  std::vector<Revocation> saved;
  bool broken = false;
  Result<void> save(const Revocation& revocation) override {
    if (broken) return failure(ErrorCode::kIo, "disk full");
    saved.push_back(revocation);
    return {};
  }
  Result<std::vector<Revocation>> load() override {
    if (broken) return failure(ErrorCode::kIo, "unreadable");
    return saved;
  }
  Result<void> forget_revocations(Instant expired_by) override {
    if (broken) return failure(ErrorCode::kIo, "disk full");
    std::erase_if(saved, [&](const auto& each) { return each.expires_at <= expired_by; });
    return {};
  }
};

TEST(Revocations, AreSavedAndComeBack) {
  FakeStore store;
  Revocations before(&store);
  ASSERT_TRUE(before.revoke({"a", kNow + 1min}).has_value());
  EXPECT_TRUE(before.revoked("a"));
  EXPECT_FALSE(before.revoked("b"));

  Revocations after(&store);
  ASSERT_TRUE(after.load().has_value());
  EXPECT_TRUE(after.revoked("a"));
}

TEST(Revocations, AFailedSaveIsReportedAndStillRefuses) {
  FakeStore store;
  store.broken = true;
  Revocations revocations(&store);
  EXPECT_FALSE(revocations.revoke({"a", kNow + 1min}).has_value());
  EXPECT_TRUE(revocations.revoked("a"));
  EXPECT_FALSE(revocations.load().has_value());
}

// Prunes every minute, as the server does, while time goes by.
class Pruning : public ::testing::Test {
 protected:
  void live(Duration time) {
    for (Duration gone{}; gone < time; gone += 1min) {
      clock.advance(1min);
      ASSERT_TRUE(revocations.prune(clock.earliest(), clock.running()));
    }
  }

  FakeStore store;
  Revocations revocations{&store};
  ManualClock clock{kNow};
};

TEST_F(Pruning, ForgetsARevocationWhenItsTokenHasExpiredAndTimeConfirmsIt) {
  ASSERT_TRUE(revocations.revoke({"a", kNow + 10min}));
  ASSERT_TRUE(revocations.revoke({"a", kNow}));  // an earlier instant does not shorten it
  live(10min + kMaxAccessLifetime - 1min);
  EXPECT_TRUE(revocations.revoked("a"));
  live(kMaxAccessLifetime);
  EXPECT_EQ(revocations.size(), 0U);
  EXPECT_TRUE(store.saved.empty());
}

// More than there are marks, so that many share one.
TEST_F(Pruning, OfManyEachIsForgottenAlone) {
  constexpr int kMany = 10'000;
  const auto jti = [](int i) { return "jti-" + std::to_string(i); };
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(revocations.revoke({jti(i), kNow + (i % 2 == 0 ? 1min : 2 * kMaxAccessLifetime)}));
    ASSERT_TRUE(revocations.revoke({jti(i), kNow}));  // the same once more
  }
  const std::vector<std::string> others{"another", jti(7)};
  EXPECT_TRUE(revocations.any_revoked(others, kNow));
  live(kMaxAccessLifetime + 2min);
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(revocations.revoked(jti(i)), i % 2 != 0) << i;
  live(3 * kMaxAccessLifetime);
  EXPECT_EQ(revocations.size(), 0U);
  for (int i = 0; i < kMany; ++i) ASSERT_FALSE(revocations.revoked(jti(i))) << i;
  EXPECT_FALSE(revocations.any_revoked(others, kNow));
}

TEST_F(Pruning, AClockThatIsWrongAtTheStartForgetsNothingThatMayLive) {
  ASSERT_TRUE(revocations.revoke({"a", kNow + 1h}));
  clock.set(kNow + 48h);
  live(30min);
  EXPECT_TRUE(revocations.revoked("a"));
  clock.set(kNow + 30min);
  live(29min);
  EXPECT_TRUE(revocations.revoked("a"));
  EXPECT_EQ(store.saved.size(), 1U);
}

TEST_F(Pruning, AClockThatJumpsAgainAndAgainForgetsNothing) {
  ASSERT_TRUE(revocations.revoke({"a", kNow + 50min}));
  for (int i = 0; i < 20; ++i) {
    clock.set(kNow + 48h);
    live(1min);
    clock.set(kNow + 1min);
    live(1min);
  }
  EXPECT_TRUE(revocations.revoked("a"));
}

TEST_F(Pruning, WhatTheStoreCannotForgetIsRemembered) {
  ASSERT_TRUE(revocations.revoke({"a", kNow}));
  live(kMaxAccessLifetime);
  store.broken = true;
  clock.advance(10min);
  EXPECT_FALSE(revocations.prune(clock.earliest(), clock.running()));
  EXPECT_TRUE(revocations.revoked("a"));
}

}  // namespace
}  // namespace writ::token::revocation_test
