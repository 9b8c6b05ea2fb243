#include "base/notice.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "base/require.h"

namespace writ::notice_test {
namespace {

TEST(Notice, ALimitIsSaidOnceAndNotAgainAtOnce) {
  Notice notice;
  EXPECT_EQ(notice.due(), 1u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(notice.due(), std::nullopt);
  Notice another;
  EXPECT_EQ(another.due(), 1u);
}

TEST(Notice, OfManyThreadsOneSaysIt) {
  Notice notice;
  std::atomic<int> said{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) said += notice.due() ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(said, 1);
}

TEST(Require, ABrokenInvariantOfOneRequestThrowsAndSaysWhatAndWhere) {
  const int held = 1;
  EXPECT_NO_THROW(WRIT_REQUIRE(held == 1));
  try {
    WRIT_REQUIRE(held == 2);
    FAIL();
  } catch (const BrokenInvariant& broken) {
    EXPECT_NE(std::string(broken.what()).find("held == 2"), std::string::npos);
    EXPECT_NE(std::string(broken.what()).find("notice_test.cc"), std::string::npos);
  }
}

}  // namespace
}  // namespace writ::notice_test
