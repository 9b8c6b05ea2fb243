#include "control/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::control::page_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A list of the numbers below `size`, the newest first, of which the odd ones may be seen.
class PageTest : public ::testing::Test {
 protected:
  static Page::Place place_of(int number) { return {Instant(Duration(number)), "id"}; }

  Listing<int> page(Page page) {
    const auto more = [this](const std::optional<Page::Place>& last) {
      std::vector<int> some;
      int next = last ? static_cast<int>(unix_millis(last->first)) : size;
      while (next > 0 && some.size() < at_once) some.push_back(--next);
      looked_up += some.size();
      return some;
    };
    return fill<int>(page, Instant(), more, place_of, [](int number) { return number % 2 == 1; });
  }

  int size = 10;
  std::size_t at_once = 3, looked_up = 0;
};

TEST_F(PageTest, HoldsWhatMayBeSeenTheNewestFirst) {
  const auto all = page({});
  EXPECT_THAT(all.items, ElementsAre(9, 7, 5, 3, 1));
  EXPECT_FALSE(all.next);
}

TEST_F(PageTest, TheNextOneGoesOnWhereTheLastEnded) {
  const auto first = page({.limit = 2});
  EXPECT_THAT(first.items, ElementsAre(9, 7));
  ASSERT_TRUE(first.next);
  const auto second = page({.limit = 2, .after = first.next});
  EXPECT_THAT(second.items, ElementsAre(5, 3));
  const auto third = page({.limit = 2, .after = second.next});
  EXPECT_THAT(third.items, ElementsAre(1));
  EXPECT_FALSE(third.next);
}

TEST_F(PageTest, OfNothingIsEmpty) {
  size = 0;
  EXPECT_THAT(page({}).items, IsEmpty());
  EXPECT_FALSE(page({}).next);
}

TEST_F(PageTest, EndsEarlyWhereVeryManyHadToBeLookedAt) {
  size = static_cast<int>(kMaxExamined) + 1000;
  at_once = 256;
  const auto first = page({.limit = kMaxExamined});
  EXPECT_EQ(first.items.size(), kMaxExamined / 2);
  ASSERT_TRUE(first.next);
  EXPECT_LE(looked_up, kMaxExamined + at_once);
  EXPECT_EQ(page({.limit = kMaxExamined, .after = first.next}).items.size(), 500u);
}

}  // namespace
}  // namespace writ::control::page_test
