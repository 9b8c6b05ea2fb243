// What each client may have of tasks, and when they are forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "task/registry.h"
#include "task/testing/memory_store.h"

namespace writ::task::registry_limits_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

class RegistryLimitsTest : public ::testing::Test {
 protected:
  static Task make(std::string id, std::string_view client = "portal", Duration window = 10min) {
    Task task;
    task.id = std::move(id);
    task.purpose = "support";
    task.subject = "nora";
    task.client = "support-portal";
    task.actions = {{"Billing::Action", "read"}};
    task.resources = {{"Billing::Invoice", std::nullopt}};
    task.opened_by = client;
    task.opened_at = task.not_before = kNow;
    task.expires_at = kNow + window;
    return task;
  }
  // "open", or why not.
  std::string open(Task task) {
    const auto full = registry_->make_room(task.opened_by, task, clock_);
    if (!full) return full.error().message;
    if (*full) {
      retry_after_ = (**full).retry_after;
      return (**full).why;
    }
    task.opened_at = clock_.now();
    return registry_->open(std::move(task)) ? "open" : "not opened";
  }
  void limit(TaskLimits limits) { registry_ = std::make_unique<Registry>(store_, limits); }
  void restart() {
    registry_ = std::make_unique<Registry>(store_);
    ASSERT_TRUE(registry_->load());
  }
  std::size_t tidy() { return registry_->tidy(clock_).value(); }

  testing::MemoryStore store_;
  ManualClock clock_{kNow};
  std::unique_ptr<Registry> registry_ = std::make_unique<Registry>(store_);
  std::chrono::seconds retry_after_{0};
};

TEST_F(RegistryLimitsTest, AClientHasNoMoreLiveTasksThanItMay) {
  limit({.per_client = 3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(open(make("t" + std::to_string(i))), "open");
  EXPECT_THAT(open(make("t3")), HasSubstr("`portal` has 3 tasks that are not over"));
  EXPECT_EQ(retry_after_, 600s) << "when the first of them ends";
  EXPECT_EQ(open(make("other", "console")), "open");
}

TEST_F(RegistryLimitsTest, WhatIsOverMakesRoom) {
  limit({.per_client = 3});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(open(make("t" + std::to_string(i))), "open");
  ASSERT_TRUE(registry_->end("t1"));
  EXPECT_EQ(open(make("t3")), "open");
  EXPECT_EQ(registry_->find("t1"), nullptr);
  EXPECT_NE(registry_->find("t0"), nullptr);
  restart();
  EXPECT_EQ(registry_->size(), 3u);
}

TEST_F(RegistryLimitsTest, ManyTasksOneAfterTheOtherAreNoMoreThanItMay) {
  limit({.per_client = 100, .opened_per_minute = 100'000});
  for (int i = 0; i < 3'000; ++i) {
    const auto id = "t" + std::to_string(i);
    ASSERT_EQ(open(make(id)), "open");
    ASSERT_TRUE(registry_->end(id));
  }
  EXPECT_LE(registry_->size(), 100u);
}

TEST_F(RegistryLimitsTest, AClientOpensNoMoreInAMinuteThanItMay) {
  limit({.opened_per_minute = 60});
  for (int i = 0; i < 60; ++i) ASSERT_EQ(open(make("t" + std::to_string(i))), "open");
  EXPECT_EQ(open(make("more")), "`portal` may open 60 tasks in a minute");
  EXPECT_EQ(retry_after_, 1s);
  EXPECT_EQ(open(make("other", "console")), "open");
  clock_.set(kNow + 1h);
  EXPECT_NE(open(make("more")), "open") << "a clock that is set gives nothing back";
  clock_.advance(1s);
  EXPECT_EQ(open(make("more")), "open");
}

TEST_F(RegistryLimitsTest, ATaskIsNoLargerThanItMayBe) {
  limit({.scope_bytes = 4096});
  auto large = make("t");
  for (int i = 0; i < 100; ++i) large.resources.push_back({"Billing::Invoice", std::to_string(i)});
  EXPECT_THAT(open(large), HasSubstr("4096 are allowed: name fewer resources"));
}

TEST_F(RegistryLimitsTest, NarrowingsAreLimitedInBytesAndTheirMemoryIsGivenBack) {
  limit({.bytes_per_client = 100'000, .scope_bytes = 50'000, .narrowings = 1'000});
  auto task = make("t");
  for (int i = 0; i < 100; ++i)
    task.resources.push_back({"Billing::Invoice", std::to_string(i) + std::string(100, 'x')});
  ASSERT_EQ(open(task), "open");
  const auto narrow = [&] {
    auto json = codec::Json::object({{"expires_in_seconds", std::int64_t{500}}});
    auto less = (*registry_->find("t")).task();
    const auto full = registry_->make_room("portal", less, clock_);
    if (!full || *full) return false;
    return registry_->narrow("t", json, clock_.now()).has_value();
  };
  const auto once = registry_->bytes();
  {
    const auto looked_at = registry_->find("t");
    int narrowed = 0;
    while (narrow()) ++narrowed;
    EXPECT_GT(narrowed, 1);
    EXPECT_LT(narrowed, 10);
    EXPECT_LE(registry_->bytes(), 110'000u);
    EXPECT_EQ((*looked_at)->id, "t") << "whoever looks at it goes on";
  }
  EXPECT_TRUE(narrow()) << "what nobody looks at any more makes room";
  tidy();
  EXPECT_LT(registry_->bytes(), once + 1'000);
}

TEST_F(RegistryLimitsTest, WhatHasBeenOverForTheConfiguredTimeIsForgottenAndRefusesStill) {
  limit({.forget_after = 24h});
  ASSERT_EQ(open(make("ended")), "open");
  ASSERT_EQ(open(make("expires")), "open");
  ASSERT_EQ(open(make("lives", "portal", 1000h)), "open");
  ASSERT_TRUE(registry_->end("ended"));
  EXPECT_EQ(tidy(), 0u);
  clock_.advance(24h - 1ms);
  EXPECT_EQ(tidy(), 0u);
  clock_.advance(24h);
  tidy();
  EXPECT_EQ(registry_->find("ended"), nullptr);
  EXPECT_EQ(registry_->find("expires"), nullptr);
  EXPECT_NE(registry_->find("lives"), nullptr);
  restart();
  EXPECT_EQ(registry_->size(), 1u);
}

TEST_F(RegistryLimitsTest, AClockThatNothingConfirmsForgetsNothing) {
  ASSERT_EQ(open(make("t")), "open");
  clock_.set(kNow + 365 * 24h);
  EXPECT_EQ(tidy(), 0u);
  EXPECT_EQ(tidy(), 0u);
  EXPECT_NE(registry_->find("t"), nullptr);
  clock_.set(kNow);
  EXPECT_EQ(tidy(), 0u);
  clock_.advance(1h);
  EXPECT_EQ(tidy(), 0u) << "it is over now, and was not an hour ago";
}

TEST_F(RegistryLimitsTest, AClockThatWasSetAheadEndsButDoesNotForget) {
  ASSERT_EQ(open(make("t")), "open");
  clock_.set_apart(kNow, kNow + 365 * 24h);
  EXPECT_FALSE(registry_->find("t")->check_live(clock_.now()));
  EXPECT_EQ(tidy(), 0u);
  EXPECT_NE(registry_->find("t"), nullptr);
}

TEST_F(RegistryLimitsTest, AParentIsForgottenAfterItsSubTasks) {
  limit({.forget_after = 1h});
  ASSERT_EQ(open(make("parent")), "open");
  auto child = make("child");
  child.parent = "parent";
  ASSERT_EQ(open(child), "open");
  ASSERT_TRUE(registry_->end("parent"));
  tidy();
  clock_.advance(2h);
  EXPECT_EQ(tidy(), 2u);
  restart();
  EXPECT_EQ(registry_->size(), 0u);
}

TEST_F(RegistryLimitsTest, AParentThatHasSubTasksMakesNoRoom) {
  limit({.per_client = 2});
  ASSERT_EQ(open(make("parent")), "open");
  auto child = make("child", "console");
  child.parent = "parent";
  ASSERT_EQ(open(child), "open");
  ASSERT_TRUE(registry_->end("parent"));
  ASSERT_EQ(open(make("second")), "open");
  EXPECT_NE(open(make("third")), "open");
  EXPECT_NE(registry_->find("parent"), nullptr);
}

TEST_F(RegistryLimitsTest, WhatCannotBeForgottenOnDiskIsKept) {
  limit({.per_client = 1});
  ASSERT_EQ(open(make("t")), "open");
  ASSERT_TRUE(registry_->end("t"));
  store_.broken = true;
  EXPECT_EQ(open(make("next")), "the disk is full");
  EXPECT_NE(registry_->find("t"), nullptr);
}

// Page by page, as whoever lists them does.
std::vector<std::string> listed(const Registry& registry, std::size_t at_once) {
  std::vector<std::string> ids;
  std::optional<Registry::Place> place;
  for (auto some = registry.opened_before(place, at_once); !some.empty();
       some = registry.opened_before(place, at_once)) {
    EXPECT_LE(some.size(), at_once);
    for (const auto& live : some) {
      ids.push_back((*live)->id);
      place.emplace((*live)->opened_at, (*live)->id);
    }
  }
  return ids;
}

TEST_F(RegistryLimitsTest, PagesHoldEachTaskOnceTheNewestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    auto task = make("t" + std::to_string(100 + i * 7 % 20));
    ASSERT_TRUE(registry_->open(std::move(task)));
    if (i % 3 == 0) continue;  // some are opened at one time
    clock_.advance(1s);
    auto later = make("u" + std::to_string(100 + i));
    ASSERT_EQ(open(std::move(later)), "open");
  }
  for (const auto& live : registry_->all()) ids.insert(ids.begin(), (*live)->id);
  ASSERT_GT(ids.size(), 30u);
  for (const std::size_t at_once : {1u, 2u, 7u, 100u}) EXPECT_EQ(listed(*registry_, at_once), ids) << at_once;
  restart();
  EXPECT_EQ(listed(*registry_, 5), ids) << "after a restart too";
}

TEST_F(RegistryLimitsTest, WhatIsForgottenIsOnNoPage) {
  limit({.per_client = 3});
  for (int i = 0; i < 3; ++i) ASSERT_EQ(open(make("t" + std::to_string(i))), "open");
  ASSERT_TRUE(registry_->end("t1"));
  ASSERT_EQ(open(make("t3")), "open");
  EXPECT_THAT(listed(*registry_, 2), ::testing::ElementsAre("t3", "t2", "t0"));
}

TEST_F(RegistryLimitsTest, EachLimitThatRefusesIsCounted) {
  limit({.per_client = 1, .scope_bytes = 4096, .opened_per_minute = 2});
  EXPECT_EQ(open(make("t0")), "open");
  EXPECT_NE(open(make("t1")), "open");
  EXPECT_EQ(registry_->refused().too_many, 1u);
  auto large = make("t2", "other");
  for (int i = 0; i < 200; ++i) large.resources.push_back({"Billing::Invoice", "inv-" + std::to_string(i)});
  EXPECT_NE(open(large), "open");
  EXPECT_EQ(registry_->refused().too_large, 1u);
  limit({.bytes_per_client = 1});
  EXPECT_EQ(open(make("t3")), "open") << "the first one is always one's own";
  EXPECT_NE(open(make("t4")), "open");
  EXPECT_EQ(registry_->refused().too_many_bytes, 1u);
  limit({.opened_per_minute = 1});
  EXPECT_EQ(open(make("t5")), "open");
  EXPECT_NE(open(make("t6")), "open");
  EXPECT_EQ(registry_->refused().too_fast, 1u);
  limit({.narrowings = 0});
  EXPECT_EQ(open(make("t7")), "open");
  const auto task = registry_->find("t7")->task();
  EXPECT_EQ(registry_->make_room(task.opened_by, task, clock_).error().code, ErrorCode::kLimit)
      << "before it is recorded as done";
  EXPECT_EQ(registry_->refused().too_often, 1u);
}

}  // namespace
}  // namespace writ::task::registry_limits_test
