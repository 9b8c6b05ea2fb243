#include "server/resumed_clock.h"

#include <gmock/gmock.h>

namespace writ::server::resumed_clock_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Optional;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

class AResumedClock : public ::testing::Test {
 protected:
  ManualClock machine{kNow};
  ResumedClock clock{machine, kNow, 5s};
};

TEST_F(AResumedClock, IsNeverBeforeTheInstantAtWhichItBegan) {
  const ResumedClock resumed(machine, kNow + 3min, 5s);
  EXPECT_EQ(resumed.now(), kNow + 3min);
  EXPECT_EQ(resumed.earliest(), kNow + 3min);
  EXPECT_EQ(times_of(resumed), Times(kNow + 3min));
  machine.advance(4min);
  EXPECT_EQ(resumed.now(), kNow + 4min);
}

TEST_F(AResumedClock, TellsBothReadingsOfOneMoment) {
  machine.set_apart(kNow + 1s, kNow + 2h);
  EXPECT_EQ(times_of(clock), Times(kNow + 1s, kNow + 2h));
  EXPECT_NE(clock.watch(), std::nullopt);
}

TEST_F(AResumedClock, NoticesAJumpOnceAndThatItIsOver) {
  EXPECT_EQ(clock.watch(), std::nullopt);
  machine.set_apart(kNow, kNow + 2h);
  EXPECT_THAT(clock.trouble(), Optional(HasSubstr("was set by 7200 s while Writ was running: set it right, "
                                                  "or restart Writ if it is right now")));
  EXPECT_THAT(clock.watch(), Optional(HasSubstr("by 7200 s")));
  EXPECT_EQ(clock.watch(), std::nullopt);
  machine.set(kNow + 1s);
  EXPECT_EQ(clock.trouble(), std::nullopt);
  EXPECT_THAT(clock.watch(), Optional(HasSubstr("right again")));
  EXPECT_EQ(clock.watch(), std::nullopt);
  EXPECT_EQ(clock.jumps(), 1u);
}

TEST_F(AResumedClock, NoticesAJumpThatOnlyARequestSaw) {
  machine.set_apart(kNow, kNow + 24h);
  EXPECT_EQ(times_of(clock).apart(), 24h);
  machine.set(kNow + 1s);
  EXPECT_THAT(clock.watch(), Optional(HasSubstr("by 86400 s for a moment, and is right again")));
  EXPECT_EQ(clock.watch(), std::nullopt);
  EXPECT_EQ(clock.jumps(), 1u);
}

TEST_F(AResumedClock, ToleratesWhatItWasToldTo) {
  machine.set_apart(kNow, kNow + 5s);
  EXPECT_EQ(clock.trouble(), std::nullopt);
  EXPECT_EQ(times_of(clock).apart(), 5s);
  EXPECT_EQ(clock.watch(), std::nullopt);
  machine.set_apart(kNow, kNow + 5001ms);
  EXPECT_NE(clock.watch(), std::nullopt);
}

// The next start compares with what was recorded: it must not find a time that lies in the past.
TEST_F(AResumedClock, RecordsNothingBeforeWhatItWatched) {
  machine.advance(10min);
  clock.watch();
  machine.set_apart(kNow - 24h, kNow + 11min);
  EXPECT_EQ(clock.earliest(), kNow + 10min);
  EXPECT_EQ(clock.now(), kNow + 11min);
}

}  // namespace
}  // namespace writ::server::resumed_clock_test
