#include "server/housekeeping.h"

#include <atomic>
#include <gtest/gtest.h>

namespace writ::server {
namespace {

using namespace std::chrono_literals;

TEST(Housekeeping, DoesEachChoreAgainAndAgainUntilItIsStopped) {
  std::atomic<int> often = 0, seldom = 0;
  Housekeeping house;
  house.start({{1ms, [&] { ++often; }}, {1h, [&] { ++seldom; }}});
  while (often < 3) std::this_thread::yield();
  house.stop();
  const int done = often;
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(often, done);
  EXPECT_EQ(seldom, 0);
}

TEST(Housekeeping, StopsAtOnceAndWithoutAStart) {
  Housekeeping never, waiting;
  never.stop();
  waiting.start({{1h, [] {}}});
  waiting.stop();
}

}  // namespace
}  // namespace writ::server
