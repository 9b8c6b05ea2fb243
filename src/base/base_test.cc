#include <gtest/gtest.h>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/denial.h"
#include "base/published.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::base_test {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return failure(ErrorCode::kInvalid, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  const int h = TRY(half(n));
  return TRY(half(h));
}

TEST(Result, TryYieldsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Result, ErrorNamesWhereItHappened) {
  EXPECT_EQ((Error{ErrorCode::kInvalid, "odd"}.in("a.yaml:3").message), "a.yaml:3: odd");
}

TEST(Denial, EveryReasonHasItsOwnCodeThatLeadsBackToIt) {
  for (int i = 0; i <= static_cast<int>(Reason::kIndeterminate); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(reason_from_code(reason_code(reason)), reason);
  }
  EXPECT_EQ(reason_from_code("allowed"), std::nullopt);
}

TEST(Secret, ComparesByContentAndEmptiesTheMovedFrom) {
  Secret a("correct horse");
  EXPECT_TRUE(a.equals("correct horse"));
  EXPECT_FALSE(a.equals("correct horsf"));
  EXPECT_FALSE(a.equals("correct hors"));
  const Secret b(std::move(a));
  EXPECT_TRUE(b.equals("correct horse"));
  EXPECT_TRUE(a.expose().empty());  // NOLINT(bugprone-use-after-move): the point of the test
}

TEST(Clock, SystemClockNeverGoesBack) {
  const SystemClock clock;
  auto last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.now();
    EXPECT_GE(now, last);
    EXPECT_LE(clock.earliest(), now);
    last = now;
  }
}

TEST(Clock, WhatEndsGoesByTheLaterReadingAndWhatBeginsByTheEarlier) {
  ManualClock clock(instant_from_unix_seconds(1000));
  clock.set_apart(instant_from_unix_seconds(900), instant_from_unix_seconds(1100));
  clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(clock.now(), instant_from_unix_seconds(1105));
  EXPECT_EQ(clock.earliest(), instant_from_unix_seconds(905));
  EXPECT_EQ(clock.running(), std::chrono::seconds(5));
}

TEST(Blocking, AThreadThatNeverBlocksRefusesToWait) {
  EXPECT_NO_THROW(may_block("a test"));
  {
    const ThreadNeverBlocks loop;
    EXPECT_THROW(may_block("a test"), std::logic_error);
  }
  EXPECT_NO_THROW(may_block("a test"));
}

TEST(Published, AReaderKeepsWhatItGotAndTheNextGetsTheNew) {
  Published<int> number(std::make_shared<const int>(1));
  const auto kept = number.get();
  number.replace(std::make_shared<const int>(2));
  EXPECT_EQ(*kept, 1);
  EXPECT_EQ(*number.get(), 2);
}

}  // namespace
}  // namespace writ::base_test
