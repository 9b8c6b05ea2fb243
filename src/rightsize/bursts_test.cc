#include "rightsize/bursts.h"

#include <gtest/gtest.h>

namespace writ::rightsize::bursts_test {
namespace {

using What = digest::RecordKind::What;

const Instant kBegin = instant_from_unix_seconds(1'780'000'000);

digest::RecordKind kind(std::string action = "read") {
  return {.what = What::kPermitted,
          .point = "gateway",
          .api = "shop",
          .action = "Shop::Action::\"" + action + "\"",
          .resource_type = "Shop::Order",
          .purpose = "sync",
          .client = "job",
          .policies = {"p"}};
}

class Bursts : public ::testing::Test {
 protected:
  void use(const digest::RecordKind& what, std::uint32_t number, Duration at,
           const std::string& subject = "job") {
    const auto seen = reader_.see(what, number, subject, kBegin + at, [&]() -> Result<std::string> {
      return "line at " + std::to_string(at.count());
    });
    EXPECT_TRUE(seen);
  }
  BurstReader reader_;
};

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_F(Bursts, UsesWithPausesBetweenThemAreBurstsAndTheLargestCounts) {
  const auto read = kind(), write = kind("write");
  use(read, 0, minutes(0));
  use(read, 0, minutes(15));  // as long a pause as goes
  use(write, 1, minutes(20));
  use(read, 0, hours(24));
  use(write, 1, hours(24) + seconds(10));
  use(write, 1, hours(24) + seconds(20));
  use(read, 0, hours(48));
  const auto all = std::move(reader_).finish();
  ASSERT_EQ(1u, all.size());
  const auto& bursts = all.front();
  EXPECT_EQ("job", bursts.client);
  EXPECT_EQ("sync", bursts.purpose);
  EXPECT_EQ(7u, bursts.uses);
  EXPECT_EQ(3u, bursts.bursts);
  EXPECT_EQ(3u, bursts.most);
  EXPECT_EQ(minutes(20), bursts.longest);
  EXPECT_EQ(minutes(20) + seconds(20), bursts.together);
  EXPECT_EQ(2u, bursts.actions.at({"Shop::Action", "read"}).most);
  EXPECT_EQ(2u, bursts.actions.at({"Shop::Action", "write"}).most);
  EXPECT_EQ("line at 0", bursts.actions.at({"Shop::Action", "read"}).example);
}

TEST_F(Bursts, ALongerPauseEndsABurst) {
  use(kind(), 0, minutes(0));
  use(kind(), 0, minutes(15) + Duration(1));
  EXPECT_EQ(2u, std::move(reader_).finish().front().bursts);
}

TEST_F(Bursts, PurposesAndIdentitiesAreApart) {
  auto other = kind(), second = kind();
  other.purpose = "report";
  second.client = "job-2";
  use(kind(), 0, minutes(0));
  use(other, 1, minutes(1));
  use(second, 2, minutes(2), "job-2");
  EXPECT_EQ(3u, std::move(reader_).finish().size());
}

TEST_F(Bursts, WhatIsDoneInATaskForAUserThroughAnAgentOrElsewhereIsNoStandingUse) {
  auto in_task = kind(), through = kind(), open = kind(), issued = kind();
  in_task.in_task = true;
  through.actors = {"agent"};
  open.is_public = true;
  issued.point = "oauth";
  std::uint32_t number = 0;
  for (const auto& each : {in_task, through, open, issued}) use(each, number++, minutes(0));
  use(kind(), number, minutes(0), "nora");
  EXPECT_TRUE(std::move(reader_).finish().empty());
}

TEST_F(Bursts, AClockThatWasSetBackGoesOnWithTheBurst) {
  use(kind(), 0, hours(2));
  use(kind(), 0, hours(1));
  const auto all = std::move(reader_).finish();
  EXPECT_EQ(1u, all.front().bursts);
  EXPECT_EQ(hours(1), all.front().longest);
}

}  // namespace
}  // namespace writ::rightsize::bursts_test
