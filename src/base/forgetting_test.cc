#include "base/forgetting.h"

#include <gtest/gtest.h>

namespace writ::forgetting_test {
namespace {

using namespace std::chrono_literals;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

class ForgettingTest : public ::testing::Test {
 protected:
  std::optional<Instant> ask() { return forgetting.until(clock.earliest(), clock.running()); }

  ManualClock clock{kNow};
  Forgetting forgetting{10min};
};

TEST_F(ForgettingTest, WhatHadEndedMayBeForgottenWhenTimeHasGoneOnForAsLongAsItCouldLive) {
  EXPECT_EQ(ask(), std::nullopt);
  clock.advance(10min - 1ms);
  EXPECT_EQ(ask(), std::nullopt);
  clock.advance(1ms);
  EXPECT_EQ(ask(), kNow);
  clock.advance(10min);
  EXPECT_EQ(ask(), kNow + 10min);
}

TEST_F(ForgettingTest, AClockThatIsSetAheadAloneLetsNothingBeForgotten) {
  ask();
  clock.set(kNow + 48h);
  EXPECT_EQ(ask(), std::nullopt);
  clock.advance(10min);
  EXPECT_EQ(ask(), kNow) << "what had ended before the clock was set";
}

TEST_F(ForgettingTest, AClockThatGoesBackTakesBackWhatItSaid) {
  clock.set(kNow + 48h);
  ask();
  clock.advance(5min);
  clock.set(kNow);
  EXPECT_EQ(ask(), std::nullopt);
  clock.set(kNow + 48h);
  clock.advance(9min);
  EXPECT_EQ(ask(), std::nullopt);
  clock.advance(1min);
  EXPECT_EQ(ask(), kNow);
}

}  // namespace
}  // namespace writ::forgetting_test
