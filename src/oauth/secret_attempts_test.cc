#include "oauth/secret_attempts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace writ::oauth::secret_attempts_test {
namespace {

using namespace std::chrono_literals;
const Instant kNow = instant_from_unix_seconds(1'800'000'000);

class SecretAttemptsTest : public ::testing::Test {
 protected:
  // How many of `count` attempts may go on; all are wrong.
  int wrong(std::string_view from, std::string_view client, int count, Instant now = kNow) {
    int gone_on = 0;
    const auto attempt = attempts_.attempt(from, client);
    for (int i = 0; i < count; ++i) {
      if (attempts_.begin(attempt, now)) continue;
      attempts_.end(attempt, false, now);
      ++gone_on;
    }
    return gone_on;
  }
  bool right(std::string_view from, std::string_view client, Instant now = kNow) {
    const auto attempt = attempts_.attempt(from, client);
    if (attempts_.begin(attempt, now)) return false;
    attempts_.end(attempt, true, now);
    return true;
  }

  static http::Networks proxies() {
    http::Networks networks;
    (void)networks.add("10.0.0.0/8");
    return networks;
  }
  SecretAttempts attempts_{{.wrong_per_minute = 10, .proxies = proxies()}};
};

TEST_F(SecretAttemptsTest, AGuesserIsSlowedDown) {
  EXPECT_EQ(wrong("192.0.2.1", "app", 100), 10);
  EXPECT_EQ(wrong("192.0.2.1", "app", 100, kNow + 6s), 1);
  EXPECT_EQ(wrong("192.0.2.1", "app", 100, kNow + 66s), 10);
}

TEST_F(SecretAttemptsTest, ItIsToldHowLongToWait) {
  wrong("192.0.2.1", "app", 10);
  const auto attempt = attempts_.attempt("192.0.2.1", "app");
  const auto wait = attempts_.begin(attempt, kNow);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, 5s);
  EXPECT_LE(*wait, 7s);
  EXPECT_FALSE(attempts_.begin(attempt, kNow + *wait));
}

TEST_F(SecretAttemptsTest, OtherSourcesGoOnMeanwhile) {
  wrong("192.0.2.1", "app", 100);
  EXPECT_TRUE(right("192.0.2.2", "app"));
  EXPECT_FALSE(right("192.0.2.1", "app"));
  EXPECT_FALSE(right("192.0.2.1", "another"));
  EXPECT_FALSE(right("::ffff:192.0.2.1", "app"));
}

TEST_F(SecretAttemptsTest, StrangersOfManyAddressesDoNotLockAClientOut) {
  for (int i = 0; i < 1000; ++i) wrong(fmt::format("198.51.{}.{}", i / 250, i % 250), "app", 10);
  // The real client, from an address that was not wrong lately, gets its try.
  EXPECT_TRUE(right("192.0.2.1", "app"));
  EXPECT_TRUE(right("192.0.2.1", "app"));
}

TEST_F(SecretAttemptsTest, ManyAddressesDoNotGuessFasterThanOneTryEach) {
  int gone_on = 0;
  for (int i = 0; i < 200; ++i) gone_on += wrong(fmt::format("198.51.100.{}", i), "app", 10);
  EXPECT_LE(gone_on, 60 + 200);
}

TEST_F(SecretAttemptsTest, WhoIsRightIsNotSlowed) {
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(right("192.0.2.1", "app"));
}

TEST_F(SecretAttemptsTest, BeingRightOnceDoesNotPayForGuesses) {
  wrong("192.0.2.1", "app", 9);
  EXPECT_TRUE(right("192.0.2.1", "own"));
  EXPECT_EQ(wrong("192.0.2.1", "app", 100), 1);
}

TEST_F(SecretAttemptsTest, ManyAtOnceAreMany) {
  const auto attempt = attempts_.attempt("192.0.2.1", "app");
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(attempts_.begin(attempt, kNow));
  EXPECT_TRUE(attempts_.begin(attempt, kNow));
}

TEST_F(SecretAttemptsTest, AProxyOfTheOperatorsIsNotASource) {
  EXPECT_EQ(wrong("10.1.2.3", "app", 100), 100);
  EXPECT_TRUE(right("10.1.2.3", "another"));
}

TEST_F(SecretAttemptsTest, WhoWasWrongIsKnownForTenMinutes) {
  const auto guesser = attempts_.attempt("192.0.2.1", "app"), other = attempts_.attempt("192.0.2.2", "app");
  EXPECT_FALSE(attempts_.wrong_lately(guesser, kNow));
  wrong("192.0.2.1", "app", 1);
  EXPECT_TRUE(attempts_.wrong_lately(guesser, kNow + 9min));
  EXPECT_FALSE(attempts_.wrong_lately(guesser, kNow + 10min));
  right("192.0.2.2", "app");
  EXPECT_FALSE(attempts_.wrong_lately(other, kNow));
  // What a proxy passes on may be anybody's.
  wrong("10.1.2.3", "app", 1);
  EXPECT_TRUE(attempts_.wrong_lately(attempts_.attempt("10.1.2.3", "another"), kNow));
}

TEST_F(SecretAttemptsTest, AClockThatIsSetBackForgivesNothing) {
  EXPECT_EQ(wrong("192.0.2.1", "app", 100), 10);
  EXPECT_EQ(wrong("192.0.2.1", "app", 100, kNow - 24h), 0);
  EXPECT_EQ(wrong("192.0.2.1", "app", 100, kNow + 1s), 0);
}

TEST_F(SecretAttemptsTest, WhatIsCountedIsSaid) {
  wrong("192.0.2.1", "app", 12);
  right("192.0.2.2", "app");
  EXPECT_EQ(attempts_.stats().tried, 11u);
  EXPECT_EQ(attempts_.stats().right, 1u);
  EXPECT_EQ(attempts_.stats().slowed, 2u);
}

}  // namespace
}  // namespace writ::oauth::secret_attempts_test
