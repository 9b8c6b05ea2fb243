#include "token/token_attempts.h"

#include <gtest/gtest.h>

#include "token/testing/world.h"

namespace writ::token::token_attempts_test {
namespace {

using namespace std::chrono_literals;
using Counts = Brought::Counts;
using testing::kNow;
using testing::World;

class TokenAttemptsTest : public ::testing::Test {
 protected:
  static http::Networks proxies() {
    http::Networks networks;
    (void)networks.add("10.0.0.0/8");
    return networks;
  }
  // The reason, or "valid"; "wait" when it was not looked at.
  std::string bring(std::string_view token, std::string_view from = "192.0.2.1", Times now = kNow,
                    Counts counts = Counts::kYes) {
    Brought brought(&attempts_, from, counts);
    const auto outcome = testing::outcome(world_.verifier.verify_parameter(token, now, &brought));
    return brought.wait() > Duration(0) ? "wait" : outcome;
  }
  // How many of `count` forged tokens are looked at.
  int forge(int count, std::string_view from = "192.0.2.1", Times now = kNow) {
    int looked_at = 0;
    for (int i = 0; i < count; ++i) looked_at += bring(forged_, from, now) == "token_signature";
    return looked_at;
  }
  std::string token(std::string jti) {
    auto claims = testing::valid_claims(kNow);
    claims.jti = std::move(jti);
    return world_.mint(claims);
  }

  World world_;
  TokenAttempts attempts_{{.wrong_per_minute = 10, .proxies = proxies()}};
  const std::string forged_ = token("forged") + "A";
};

TEST_F(TokenAttemptsTest, WhoBringsForgedTokensIsSlowedDown) {
  EXPECT_EQ(forge(100), 10);
  EXPECT_EQ(forge(100, "192.0.2.1", kNow + 6s), 1);
  EXPECT_EQ(forge(100, "192.0.2.1", kNow + 66s), 10);
  EXPECT_EQ(attempts_.stats().tried, 21u);
  EXPECT_EQ(attempts_.stats().right, 0u);
  EXPECT_EQ(attempts_.stats().slowed, 279u);
}

TEST_F(TokenAttemptsTest, OtherSourcesGoOnMeanwhile) {
  forge(100);
  EXPECT_EQ(bring(token("a"), "192.0.2.2"), "valid");
  EXPECT_EQ(bring(forged_, "192.0.2.2"), "token_signature");
}

TEST_F(TokenAttemptsTest, AKnownTokenBehindTheSameAddressGoesOn) {
  const auto known = token("known");
  EXPECT_EQ(bring(known), "valid");
  forge(100);
  EXPECT_EQ(bring(known), "valid");
}

TEST_F(TokenAttemptsTest, ATokenThatWasIssuedHereIsKnownFromTheFirstUseOn) {
  const auto issued = token("issued");
  world_.verifier.look_ahead(issued, kNow);
  forge(100);
  EXPECT_EQ(bring(issued), "valid");
  EXPECT_EQ(bring(token("never-seen")), "wait") << "until the guesser stops";
}

TEST_F(TokenAttemptsTest, GoodTokensAreNeverTooMany) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bring(token(std::to_string(i))), "valid");
  EXPECT_EQ(attempts_.stats().right, 100u);
}

TEST_F(TokenAttemptsTest, ATokenThatHasExpiredIsNoGuess) {
  const auto expired = token("expired");
  const Times later = kNow + 1h;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bring(expired, "192.0.2.1", later), "token_expired");
  EXPECT_EQ(attempts_.stats().tried, 1u) << "its signature is looked at once";
}

TEST_F(TokenAttemptsTest, ATokenOfAnotherIssuersKeyIsAGuessToo) {
  const World other;
  const auto strangers = other.mint(testing::valid_claims(kNow));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bring(strangers), "token_signature");
  EXPECT_EQ(bring(strangers), "wait");
  EXPECT_EQ(bring("a.b.c"), "wait");
}

TEST_F(TokenAttemptsTest, ProxiesOfTheOperatorsHaveNoLimit) {
  EXPECT_EQ(forge(100, "10.1.2.3"), 100);
}

TEST_F(TokenAttemptsTest, ALookThatDoesNotCountCostsASourceNothingAndAFullOneTheLook) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bring(forged_, "192.0.2.1", kNow, Counts::kNo), "token_signature");
  forge(100);
  EXPECT_EQ(bring(forged_, "192.0.2.1", kNow, Counts::kNo), "wait");
}

TEST_F(TokenAttemptsTest, AnAddressIsTheWholeNetworkOfItsOwner) {
  EXPECT_EQ(forge(5, "2001:db8::1") + forge(10, "2001:db8::2"), 10);
}

TEST(LookAhead, TakesNobodysPlace) {
  World world;
  const Verifier small({.issuer = "https://writ.example", .cache_entries = 4},
                       world.ring->snapshot()->public_keys, world.revocations, world.replays);
  const auto mint = [&](int number) {
    auto claims = testing::valid_claims(kNow);
    claims.jti = std::to_string(number);
    return world.mint(claims);
  };
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(small.verify_parameter(mint(i), kNow));
  TokenAttempts attempts({.wrong_per_minute = 1});
  small.look_ahead(mint(9), kNow);
  Brought brought(&attempts, "192.0.2.1", Counts::kYes);
  EXPECT_TRUE(small.verify_parameter(mint(9), kNow, &brought));
  EXPECT_EQ(attempts.stats().tried, 1u) << "it was not remembered";
}

TEST(InUse, ASubjectIsWhileATokenOfItsLives) {
  const World world;
  const auto claims = testing::valid_claims(kNow);
  EXPECT_FALSE(world.verifier.in_use(claims.subject, kNow));
  EXPECT_TRUE(world.verifier.verify_parameter(world.mint(claims), kNow));
  EXPECT_TRUE(world.verifier.in_use(claims.subject, kNow));
  EXPECT_FALSE(world.verifier.in_use("nobody", kNow));
  EXPECT_FALSE(world.verifier.in_use(claims.subject, claims.expires_at));
}

}  // namespace
}  // namespace writ::token::token_attempts_test
