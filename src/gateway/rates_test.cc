#include "gateway/rates.h"

#include <gtest/gtest.h>
#include <thread>

namespace writ::gateway::rates_test {
namespace {

using Per = RateSpec::Per;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RatesTest : public ::testing::Test {
 protected:
  static RateSpec rate(Per per, std::uint32_t requests, int window, std::vector<std::string> actions = {}) {
    return {.per = per, .requests = requests, .window = seconds(window), .actions = std::move(actions)};
  }
  static std::shared_ptr<const Rates> rates(const std::vector<RateSpec>& specs,
                                            std::string_view action = "read") {
    return Rates::of("billing", action, specs);
  }
  static RateCaller caller(std::string_view client, std::string_view subject = "nora",
                           std::uint64_t source = 1) {
    return {.source = source, .client = client, .subject = subject, .counts_for_all = true};
  }
  bool passes(const Rates& by, const RateCaller& who) { return counts.count(by, who, now).over == nullptr; }

  RateCounts counts;
  RateCounts::Moment now{seconds(1'000'000)};
};

TEST_F(RatesTest, AsManyAsTheRateComeTogetherAndThenOneAtATime) {
  const auto by = rates({rate(Per::kClient, 10, 60)});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(passes(*by, caller("portal"))) << i;
  const auto refused = counts.count(*by, caller("portal"), now);
  ASSERT_NE(refused.over, nullptr);
  EXPECT_EQ(refused.retry_after, seconds(6));
  now += milliseconds(5'999);
  EXPECT_FALSE(passes(*by, caller("portal")));
  now += milliseconds(1);
  EXPECT_TRUE(passes(*by, caller("portal")));
  EXPECT_FALSE(passes(*by, caller("portal")));
  now += seconds(60);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(passes(*by, caller("portal"))) << i;
  EXPECT_FALSE(passes(*by, caller("portal")));
}

TEST_F(RatesTest, WhoRetryAfterTellsToWaitPassesThen) {
  const auto by = rates({rate(Per::kClient, 7, 60)});
  while (passes(*by, caller("portal"))) {
  }
  now += counts.count(*by, caller("portal"), now).retry_after;
  EXPECT_TRUE(passes(*by, caller("portal")));
}

TEST_F(RatesTest, ARefusedCallCostsNothing) {
  const auto by = rates({rate(Per::kClient, 1, 10)});
  EXPECT_TRUE(passes(*by, caller("portal")));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(passes(*by, caller("portal")));
  now += seconds(10);
  EXPECT_TRUE(passes(*by, caller("portal")));
}

TEST_F(RatesTest, OneClientTakesNothingOfAnother) {
  const auto by = rates({rate(Per::kClient, 1, 60)});
  EXPECT_TRUE(passes(*by, caller("portal")));
  EXPECT_FALSE(passes(*by, caller("portal", "omar", 2)));
  EXPECT_TRUE(passes(*by, caller("marketing")));
}

TEST_F(RatesTest, AClientAndASubjectOfOneNameCountApart) {
  const auto by = rates({rate(Per::kClient, 1, 60), rate(Per::kSubject, 1, 60)});
  EXPECT_TRUE(passes(*by, caller("same", "other")));
  EXPECT_TRUE(passes(*by, caller("another", "same")));
}

TEST_F(RatesTest, ARuleForSomeActionsCountsThoseTogether) {
  const std::vector<RateSpec> specs{rate(Per::kClient, 2, 60, {"pay", "refund"})};
  EXPECT_EQ(rates(specs, "read"), nullptr);
  EXPECT_TRUE(passes(*rates(specs, "pay"), caller("portal")));
  EXPECT_TRUE(passes(*rates(specs, "refund"), caller("portal")));
  EXPECT_FALSE(passes(*rates(specs, "pay"), caller("portal")));
}

TEST_F(RatesTest, StrangersTakeNothingOfWhatAllShare) {
  const auto by = rates({rate(Per::kAll, 1, 60)});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(passes(*by, {.source = 9}));
  EXPECT_TRUE(passes(*by, caller("portal")));
  EXPECT_FALSE(passes(*by, caller("marketing")));
}

TEST_F(RatesTest, WhoIsOverALimitOfItsOwnTakesNothingOfWhatAllShare) {
  const auto by = rates({rate(Per::kAll, 3, 60), rate(Per::kClient, 1, 60)});
  EXPECT_TRUE(passes(*by, caller("noisy")));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(passes(*by, caller("noisy")));
  EXPECT_TRUE(passes(*by, caller("a")));
  EXPECT_TRUE(passes(*by, caller("b")));
}

TEST_F(RatesTest, TheOperatorsProxiesHaveNoRateAsASource) {
  const auto by = rates({rate(Per::kSource, 1, 60)});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(passes(*by, {}));
}

TEST_F(RatesTest, RateLimitFieldsTellOfTheCallerAlone) {
  const auto by = rates({rate(Per::kAll, 1000, 1), rate(Per::kClient, 10, 60), rate(Per::kSource, 20, 10)});
  const auto counted = counts.count(*by, caller("portal"), now);
  EXPECT_EQ(counted.policy, R"("source";q=20;w=10, "client";q=10;w=60)");
  EXPECT_EQ(counted.limit, R"("source";r=19;t=1, "client";r=9;t=6)");
}

TEST_F(RatesTest, WhatIsCountedStaysWhenTheSameRuleIsReadAgain) {
  const std::vector<RateSpec> specs{rate(Per::kClient, 1, 60)};
  EXPECT_TRUE(passes(*rates(specs), caller("portal")));
  EXPECT_FALSE(passes(*rates(specs), caller("portal")));
}

TEST_F(RatesTest, CallsUnderWayCountUntilTheyEnd) {
  const auto by = rates({{.per = Per::kClient, .at_once = 2}});
  auto first = counts.count(*by, caller("portal"), now);
  const auto second = counts.count(*by, caller("portal"), now);
  EXPECT_EQ(second.over, nullptr);
  EXPECT_FALSE(passes(*by, caller("portal")));
  first.place = nullptr;
  EXPECT_TRUE(passes(*by, caller("portal")));
}

TEST_F(RatesTest, ARefusedCallGivesItsPlacesBack) {
  const auto by = rates({{.per = Per::kSource, .at_once = 1}, {.per = Per::kClient, .at_once = 1}});
  const auto other = counts.count(*by, caller("portal", "nora", 2), now);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(passes(*by, caller("portal", "nora", 1)));
  EXPECT_TRUE(passes(*by, caller("marketing", "nora", 1)));
}

TEST_F(RatesTest, APlaceMayOutliveWhatCountsIt) {
  const auto by = rates({{.per = Per::kClient, .at_once = 1}});
  RateCounts::Place place;
  {
    RateCounts own;
    place = own.count(*by, caller("portal"), now).place;
  }
  EXPECT_NE(place, nullptr);
}

TEST_F(RatesTest, ExactlyAsManyPassWhenManyThreadsCome) {
  const auto by = rates({rate(Per::kClient, 1000, 60)});
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) passed += passes(*by, caller("portal")) ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(passed, 1000);
}

TEST_F(RatesTest, MoreCallersThanThereArePlacesForgetTheOneThatIsFreeFirst) {
  RateCounts few(256);
  const auto by = rates({rate(Per::kSource, 10, 60)});
  const auto take = [&](std::uint64_t source) {
    return few.count(*by, {.source = source}, now).over == nullptr;
  };
  while (take(0)) {
  }
  for (std::uint64_t source = 1; source < 10'000; ++source) EXPECT_TRUE(take(source));
  EXPECT_FALSE(take(0));  // it owes most
}

}  // namespace
}  // namespace writ::gateway::rates_test
