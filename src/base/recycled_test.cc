#include "base/recycled.h"

#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

#include "base/name_filter.h"

namespace writ::recycled_test {
namespace {

struct Large {
  std::array<char, 2000> bytes;
};

TEST(Recycled, AThreadGetsAgainWhatItGaveBack) {
  if (Recycled<Large>::kMost == 0) GTEST_SKIP() << "a sanitizer looks for what is used after its end";
  Recycled<Large> allocator;
  Large* first = allocator.allocate(1);
  allocator.deallocate(first, 1);
  EXPECT_EQ(allocator.allocate(1), first);
  allocator.deallocate(first, 1);
}

TEST(Recycled, KeepsSomeAndGivesTheOthersBack) {
  std::vector<std::shared_ptr<Large>> many;
  for (int i = 0; i < 1000; ++i) many.push_back(std::allocate_shared<Large>(Recycled<Large>()));
  many.clear();
  for (int i = 0; i < 1000; ++i) many.push_back(std::allocate_shared<Large>(Recycled<Large>()));
}

TEST(Recycled, AnotherThreadMayEndWhatOneBegan) {
  auto made = std::allocate_shared<Large>(Recycled<Large>());
  std::thread([made = std::move(made)]() mutable { made.reset(); }).join();
}

TEST(NameFilter, KnowsAllThatWasAddedAndFewOthers) {
  NameFilter filter;
  const auto name = [](int i) { return "name" + std::to_string(i * 7919); };
  for (int i = 0; i < 30; ++i) filter.add(name(i));
  int taken_for_one = 0;
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(filter.may_have(name(i)));
  for (int i = 30; i < 1030; ++i) taken_for_one += filter.may_have(name(i)) ? 1 : 0;
  EXPECT_LT(taken_for_one, 400);
  EXPECT_FALSE(filter.may_have(""));
}

}  // namespace
}  // namespace writ::recycled_test
