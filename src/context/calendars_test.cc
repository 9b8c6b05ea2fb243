#include "context/calendars.h"

#include <gtest/gtest.h>

#include "base/testing/allocations.h"

namespace writ::context::calendars_test {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::days kDay{1};
// A Monday.
const Instant kMonday = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2);

Calendars two_calendars() {
  return Calendars({{"freeze", {{kMonday, kMonday + 5 * kDay}}, {}},
                    {"business-hours", {}, {{9h, 17h}, {kDay + 9h, kDay + 17h}}}});
}

std::string in_force(const Calendars& calendars, Instant time) {
  cedar::Arena arena;
  return calendars.in_force(time, arena).to_string();
}

TEST(Calendars, TheBeginningIsWithinAndTheEndIsNot) {
  const auto calendars = two_calendars();
  EXPECT_EQ(in_force(calendars, kMonday - 1ms), "[]");
  EXPECT_EQ(in_force(calendars, kMonday), R"(["freeze"])");
  EXPECT_EQ(in_force(calendars, kMonday + 5 * kDay - 1ms), R"(["freeze"])");
  EXPECT_EQ(in_force(calendars, kMonday + 5 * kDay), "[]");
  EXPECT_EQ(in_force(calendars, kMonday + 7 * kDay + 9h - 1ms), "[]");
  EXPECT_EQ(in_force(calendars, kMonday + 7 * kDay + 9h), R"(["business-hours"])");
  EXPECT_EQ(in_force(calendars, kMonday + 7 * kDay + 17h - 1ms), R"(["business-hours"])");
  EXPECT_EQ(in_force(calendars, kMonday + 7 * kDay + 17h), "[]");
}

TEST(Calendars, HoursComeBackEveryWeekAlsoBeforeTheEpoch) {
  const auto calendars = two_calendars();
  for (const int weeks : {-5000, -2931, -1, 1, 52, 5000}) {
    EXPECT_EQ(in_force(calendars, kMonday + weeks * 7 * kDay + kDay + 10h), R"(["business-hours"])") << weeks;
    EXPECT_EQ(in_force(calendars, kMonday + weeks * 7 * kDay + 2 * kDay + 10h), "[]") << weeks;
  }
}

TEST(Calendars, SeveralAreInForceAtOnce) {
  const auto names = in_force(two_calendars(), kMonday + 10h);
  EXPECT_NE(names.find("freeze"), names.npos);
  EXPECT_NE(names.find("business-hours"), names.npos);
}

TEST(Calendars, NoneAreNeverInForce) {
  EXPECT_EQ(in_force(*Calendars::none(), kMonday), "[]");
}

TEST(Calendars, LookingAllocatesInAWarmArenaOnly) {
  const auto calendars = two_calendars();
  cedar::Arena arena;
  (void)calendars.in_force(kMonday, arena);
  arena.reset();
  EXPECT_EQ(writ::testing::allocations_of([&] { (void)calendars.in_force(kMonday + 10h, arena); }), 0u);
}

}  // namespace
}  // namespace writ::context::calendars_test
