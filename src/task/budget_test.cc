// Rates, amounts and labels: exactly so much, never more after a crash, and nothing lost that must stay.
#include <gmock/gmock.h>
#include <thread>

#include "task/attenuation.h"
#include "task/registry.h"
#include "task/testing/memory_store.h"

namespace writ::task::budget_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

Instant after(int seconds) {
  return kNow + std::chrono::seconds(seconds);
}

Result<Task> task_with(std::string_view budget) {
  auto json = codec::parse_json(R"({"purpose":"support","agents":["agent"],"labels":["begun"],
    "actions":["Billing::Action::\"credit\""],"resources":["Billing::Invoice::*"],"expires_in_seconds":86400})")
                  .value();
  json.set("budget", codec::parse_json(budget).value());
  auto task = task_from_request(json, kNow);
  if (!task) return task;
  task->id = "t";
  task->opened_by = "portal";
  return task;
}

Amount amount(std::string_view text) {
  return Amount::parse(text).value();
}

class BudgetTest : public ::testing::Test {
 protected:
  testing::MemoryStore store;
  Registry registry{store};
  cedar::Arena arena;
  cedar::EntityRef credit = arena.entity("Billing::Action", "credit");
  cedar::EntityRef invoice = arena.entity("Billing::Invoice", "1");

  std::shared_ptr<LiveTask> open(std::string_view budget) {
    return registry.open(task_with(budget).value()).value();
  }
  LiveTask::Use at(Instant now) const { return {credit, invoice, now}; }
  bool calls(LiveTask& live, Instant now) const { return live.consume(at(now)).has_value(); }
  std::expected<void, Denial> spend(LiveTask& live, std::string_view text) const {
    const NamedAmount spent[] = {{"credited", amount(text)}};
    return live.consume({credit, invoice, kNow, spent});
  }
  std::expected<void, Denial> earn(LiveTask& live, std::vector<std::string_view> labels) const {
    return live.consume({credit, invoice, kNow, {}, labels});
  }
};

TEST(Amount, IsExactToFourDecimals) {
  EXPECT_EQ(amount("0").ten_thousandths, 0);
  EXPECT_EQ(amount("1000.50").ten_thousandths, 10'005'000);
  EXPECT_EQ(amount("0.0001").ten_thousandths, 1);
  EXPECT_EQ(amount("922337203685477.5807").ten_thousandths, INT64_MAX);
  EXPECT_EQ(amount("1000.50").text(), "1000.5");
  EXPECT_EQ(amount("20").text(), "20");
}

TEST(Amount, RefusesWhatIsNegativeTooFineTooGreatOrReadInTwoWays) {
  for (const auto* text : {"",
                           "-1",
                           "-0",
                           "+1",
                           "1e3",
                           "0x1",
                           "01",
                           "00.5",
                           ".5",
                           "5.",
                           "1.00001",
                           "1,5",
                           " 1",
                           "1 ",
                           "922337203685477.5808",
                           "99999999999999999999",
                           "NaN",
                           "1.5.5",
                           "1_0",
                           "١"}) {
    const auto read = Amount::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().message, HasSubstr("expected a number such as 20 or 1000.50")) << text;
  }
}

TEST(Amount, JsonNumbersAreExactOrRefused) {
  const auto read = [](std::string_view json) { return Amount::from_json(codec::parse_json(json).value()); };
  EXPECT_EQ(read("1000.50"), amount("1000.5"));
  EXPECT_EQ(read("20"), amount("20"));
  EXPECT_EQ(read("0.1"), amount("0.1"));
  EXPECT_EQ(read(R"("922337203685477.5807")"), amount("922337203685477.5807"));
  for (const auto* json : {"-1", "-0.5", "0.00001", "922337203685477.5", "12345678901234567.5", "1e300",
                           "1e-300", "true", "null", "[1]"})
    EXPECT_FALSE(read(json)) << json;
  for (const auto* text : {"0", "0.0001", "1000.5", "99999999999.9999", "922337203685477.5807"})
    EXPECT_EQ(Amount::from_json(codec::parse_json(amount(text).to_json().dump()).value()), amount(text))
        << text;
}

TEST(BudgetRequest, RefusesRatesAndAmountsThatMeanNothing) {
  for (const auto* budget :
       {R"({"rates":{}})", R"({"rates":[{"calls":0,"seconds":60}]})",
        R"({"rates":[{"calls":1,"seconds":0}]})", R"({"rates":[{"calls":1}]})",
        R"({"rates":[{"calls":10001,"seconds":60}]})", R"({"rates":[{"calls":1,"seconds":2678401}]})",
        R"({"rates":[{"calls":1,"seconds":60},{"calls":2,"seconds":60}]})", R"({"amounts":[]})",
        R"({"amounts":{"credited":0}})", R"({"amounts":{"credited":-1}})",
        R"({"amounts":{"credited":"a lot"}})", R"({"amounts":{"1st":1}})", R"({"amounts":{"":1}})",
        R"({"amounts":{"a b":1}})"}) {
    EXPECT_FALSE(task_with(budget)) << budget;
  }
  EXPECT_EQ(task_with(R"({"rates":[{"calls":1,"seconds":1},{"calls":1,"seconds":2},{"calls":1,"seconds":3},
                                   {"calls":1,"seconds":4},{"calls":1,"seconds":5}]})")
                .error()
                .code,
            ErrorCode::kLimit);
  EXPECT_EQ(task_with(R"({"amounts":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}})").error().code,
            ErrorCode::kLimit);
}

TEST(BudgetRequest, RecordsComeBackWhole) {
  const auto task = task_with(R"({"calls":9,"rates":[{"calls":2,"seconds":60}],
                                  "amounts":{"credited":1000.50,"rows":"922337203685477.5807"}})")
                        .value();
  const auto again = task_from_record(task_record(task)).value();
  EXPECT_EQ(task_record(again), task_record(task));
  EXPECT_EQ(again.budget.amounts[1].total, amount("922337203685477.5807"));
}

TEST_F(BudgetTest, ARateLetsSoManyPassInAnyStretchOfItsLength) {
  const auto live = open(R"({"rates":[{"calls":2,"seconds":60}]})");
  EXPECT_TRUE(calls(*live, after(0)));
  EXPECT_TRUE(calls(*live, after(59)));
  EXPECT_FALSE(calls(*live, after(59)));
  EXPECT_TRUE(calls(*live, after(60)));  // the first no longer counts
  EXPECT_FALSE(calls(*live, after(118)));
  EXPECT_EQ(live->check_budget(at(after(118))).error().message,
            "task `t` has used its 2 calls in 60 seconds");
  EXPECT_EQ(live->check_budget(at(after(118))).error().reason, Reason::kBudgetExceeded);
  EXPECT_TRUE(calls(*live, after(119)));
}

TEST_F(BudgetTest, OfManyParallelCallsExactlyTheRatePasses) {
  const auto live = open(R"({"rates":[{"calls":500,"seconds":60}]})");
  std::atomic<int> passed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int call = 0; call < 200; ++call) passed += calls(*live, kNow) ? 1 : 0;
      });
  }
  EXPECT_EQ(passed, 500);
}

TEST_F(BudgetTest, AClockThatIsSetBackNeverRefillsARate) {
  const auto live = open(R"({"rates":[{"calls":2,"seconds":60}]})");
  ASSERT_TRUE(calls(*live, after(100)));
  EXPECT_TRUE(calls(*live, after(30)));  // counts as made at 100
  EXPECT_FALSE(calls(*live, after(30)));
  EXPECT_FALSE(calls(*live, after(159)));
  EXPECT_TRUE(calls(*live, after(160)));
}

TEST_F(BudgetTest, ACrashNeverGrantsMoreThanTheRateInAnyWindow) {
  ASSERT_TRUE(open(R"({"rates":[{"calls":3,"seconds":60}]})"));
  std::vector<int> passed;
  for (int second = 0; second < 600; ++second) {
    Registry next(store);  // each second another process
    ASSERT_TRUE(next.load());
    for (int call = 0; call < 2; ++call) {
      if (calls(*next.find("t"), after(second))) passed.push_back(second);
    }
  }
  EXPECT_GE(passed.size(), 6u);
  for (std::size_t i = 3; i < passed.size(); ++i) EXPECT_GE(passed[i] - passed[i - 3], 60);
}

TEST_F(BudgetTest, AStartWithAClockThatWasSetBackNeverRefillsARate) {
  ASSERT_TRUE(calls(*open(R"({"rates":[{"calls":1,"seconds":60}]})"), after(1000)));
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_FALSE(calls(*next.find("t"), after(0)));
  EXPECT_FALSE(calls(*next.find("t"), after(1059)));
  EXPECT_TRUE(calls(*next.find("t"), after(1068)));  // a crash loses up to an eighth of the window
}

TEST_F(BudgetTest, AfterAnOrderlyEndARateCountsFromItsLastCall) {
  ASSERT_TRUE(calls(*open(R"({"rates":[{"calls":1,"seconds":60}]})"), after(0)));
  ASSERT_TRUE(registry.settle());
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_FALSE(calls(*next.find("t"), after(59)));
  EXPECT_TRUE(calls(*next.find("t"), after(60)));
}

TEST_F(BudgetTest, AnAmountIsSpentToTheLastTenThousandth) {
  const auto live = open(R"({"amounts":{"credited":1000.50}})");
  EXPECT_TRUE(spend(*live, "1000.4999"));
  const auto refused = spend(*live, "0.0002");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kBudgetExceeded);
  EXPECT_EQ(refused.error().message,
            "task `t` has used 1000.4999 of its 1000.5 of `credited`, too much for 0.0002 more");
  EXPECT_TRUE(spend(*live, "0.0001"));
  EXPECT_TRUE(spend(*live, "0"));
  EXPECT_FALSE(spend(*live, "0.0001"));
  EXPECT_FALSE(spend(*live, "922337203685477.5807"));
  EXPECT_EQ(live->used(kNow).dump(), R"({"amounts":{"credited":1000.5}})");
}

TEST_F(BudgetTest, OfManyParallelCallsNoMoreThanTheAmountPasses) {
  const auto live = open(R"({"amounts":{"credited":100}})");
  std::atomic<int> passed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int call = 0; call < 100; ++call) passed += spend(*live, "0.3").has_value() ? 1 : 0;
      });
  }
  EXPECT_EQ(passed, 333);
}

TEST_F(BudgetTest, ACallThatDoesNotTellAnAmountIsRefusedByATaskThatCountsIt) {
  const auto live = open(R"({"calls":5,"amounts":{"credited":100}})");
  EXPECT_EQ(live->consume(at(kNow)).error().reason, Reason::kAmountUnknown);
  EXPECT_EQ(live->check_budget(at(kNow)).error().message,
            "task `t` has a budget of `credited`, and this request does not tell how much of it it spends");
  const NamedAmount other[] = {{"rows", amount("1")}};
  EXPECT_EQ(live->consume({credit, invoice, kNow, other}).error().reason, Reason::kAmountUnknown);
  EXPECT_EQ(live->used_calls(), 0);
}

TEST_F(BudgetTest, ACallIsTakenFromAllBudgetsOrFromNone) {
  const auto live = open(R"({"calls":2,"rates":[{"calls":5,"seconds":60}],"amounts":{"credited":10}})");
  EXPECT_FALSE(spend(*live, "11"));
  EXPECT_EQ(live->used(kNow).dump(),
            R"({"calls":0,"rates":[{"calls":0,"seconds":60}],"amounts":{"credited":0}})");
  EXPECT_TRUE(spend(*live, "4"));
  EXPECT_TRUE(spend(*live, "4"));
  EXPECT_FALSE(spend(*live, "1"));
  EXPECT_EQ(live->used(kNow).dump(),
            R"({"calls":2,"rates":[{"calls":2,"seconds":60}],"amounts":{"credited":8}})");
}

TEST_F(BudgetTest, ACrashNeverGrantsMoreOfAnAmount) {
  ASSERT_TRUE(open(R"({"amounts":{"credited":100}})"));
  int passed = 0;
  for (int life = 0; life < 200; ++life) {
    Registry next(store);
    ASSERT_TRUE(next.load());
    passed += spend(*next.find("t"), "1").has_value() ? 1 : 0;
  }
  EXPECT_GE(passed, 30);
  EXPECT_LE(passed, 100);
}

TEST_F(BudgetTest, WhatCannotBeRecordedIsNotSpent) {
  const auto live = open(R"({"rates":[{"calls":2,"seconds":60}],"amounts":{"credited":10}})");
  store.broken = true;
  EXPECT_EQ(spend(*live, "1").error().reason, Reason::kIndeterminate);
  store.broken = false;
  EXPECT_TRUE(spend(*live, "10"));
}

TEST_F(BudgetTest, NarrowingLowersRatesAndAmountsAndNeverRaisesThem) {
  const auto live = open(R"({"rates":[{"calls":3,"seconds":60}],"amounts":{"credited":10}})");
  ASSERT_TRUE(spend(*live, "4"));
  const auto narrow = [&](std::string_view json) {
    return registry.narrow("t", codec::parse_json(json).value(), kNow);
  };
  EXPECT_THAT(narrow(R"({"budget":{"amounts":{"credited":10.0001}}})").error().message,
              HasSubstr("10.0001 of `credited` is more than the 10 of task `t`"));
  EXPECT_THAT(narrow(R"({"budget":{"rates":[{"calls":4,"seconds":60}]}})").error().message,
              HasSubstr("4 calls per 60 seconds are more than the 3 of task `t`"));
  ASSERT_TRUE(narrow(R"({"budget":{"amounts":{"credited":5}}})"));
  EXPECT_FALSE(spend(*live, "2"));
  ASSERT_TRUE(narrow(R"({"budget":{"rates":[{"calls":1,"seconds":60}]}})"));
  EXPECT_FALSE(spend(*live, "0"));
  EXPECT_EQ((*live)->budget.amounts[0].total, amount("5"));
}

TEST_F(BudgetTest, LabelsGatherAndNeverShrink) {
  const auto live = open("null");
  ASSERT_TRUE(earn(*live, {"read:confidential"}));
  ASSERT_TRUE(earn(*live, {"read:confidential", "input:untrusted", "input:untrusted"}));
  EXPECT_THAT((*live)->labels, ElementsAre("begun", "read:confidential", "input:untrusted"));
  ASSERT_TRUE(registry.narrow("t", codec::parse_json(R"({"budget":{"calls":3}})").value(), kNow));
  EXPECT_THAT((*live)->labels, ElementsAre("begun", "read:confidential", "input:untrusted"));
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_THAT((*next.find("t"))->labels,
              UnorderedElementsAre("begun", "read:confidential", "input:untrusted"));
}

TEST_F(BudgetTest, ALabelThatCannotBeRecordedLetsNothingPass) {
  const auto live = open(R"({"calls":5})");
  store.broken = true;
  EXPECT_EQ(earn(*live, {"read:confidential"}).error().reason, Reason::kIndeterminate);
  EXPECT_EQ(live->used_calls(), 0);
}

TEST_F(BudgetTest, ARefusedCallEarnsNoLabel) {
  const auto live = open(R"({"calls":1})");
  ASSERT_TRUE(earn(*live, {}));
  EXPECT_FALSE(earn(*live, {"read:confidential"}));
  EXPECT_THAT((*live)->labels, ElementsAre("begun"));
}

TEST_F(BudgetTest, ATaskBearsNoMoreLabelsThanItsLimit) {
  const auto live = open("null");
  for (std::size_t i = 1; i < kMaxLabels; ++i) ASSERT_TRUE(earn(*live, {std::to_string(i)}));
  EXPECT_THAT(earn(*live, {"more"}).error().message,
              HasSubstr("can bear 64 labels, `more` would be one more"));
  EXPECT_TRUE(earn(*live, {"1"}));
}

TEST_F(BudgetTest, NoLabelIsLostToANarrowingAtTheSameTime) {
  const auto live = open(R"({"calls":1000})");
  {
    std::jthread labels([&] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE(earn(*live, {std::to_string(i)}));
    });
    std::jthread narrowings([&] {
      for (int i = 0; i < 60; ++i)
        EXPECT_TRUE(registry.narrow(
            "t", codec::Json::object({{"budget", codec::Json::object({{"calls", 999 - i}})}}), kNow));
    });
  }
  EXPECT_EQ((*live)->labels.size(), 51u);
  EXPECT_EQ((*live)->budget.calls, 940);
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_EQ((*next.find("t"))->labels.size(), 51u);
}

TEST(Attenuation, WhoWorksForATaskBearsItsLabels) {
  const auto outer = task_with("null").value();
  auto inner = outer;
  inner.labels = {"other"};
  EXPECT_THAT(check_within(inner, outer).error().message,
              HasSubstr("`labels`: `begun` of task `t` is missing"));
  inner.labels.push_back("begun");
  EXPECT_TRUE(check_within(inner, outer));
}

}  // namespace
}  // namespace writ::task::budget_test
