// What other threads want done on a loop: each task once, in order, whatever becomes of the others.
#include "http/loops.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace writ::http::loops_test {
namespace {

// The loop does nothing until let_go(), so that what is posted meanwhile waits together.
class Loop : public ::testing::Test {
 protected:
  Loop() {
    loops.post(0, [this] { held.get_future().wait(); });
  }
  void let_go() { held.set_value(); }
  // Until all that was posted before is done.
  void finish() {
    loops.run(0, [] {});
  }

  std::promise<void> held;
  Loops loops{1};
};

TEST_F(Loop, DoesTasksOfOtherThreadsInTheirOrder) {
  std::vector<int> done;
  for (int i = 0; i < 1000; ++i) loops.post(0, [&done, i] { done.push_back(i); });
  let_go();
  finish();
  ASSERT_EQ(done.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST_F(Loop, AfterATaskThatThrowsTheOthersAreDone) {
  std::vector<int> done;
  for (int i = 0; i < 10; ++i) {
    loops.post(0, [&done, i] {
      if (i % 3 == 1) throw std::runtime_error("the test says so");
      done.push_back(i);
    });
  }
  let_go();
  finish();
  EXPECT_EQ(done, (std::vector<int>{0, 2, 3, 5, 6, 8, 9}));
}

TEST_F(Loop, ATaskMayPostOthers) {
  std::vector<int> done;
  std::promise<void> all;
  loops.post(0, [&] {
    for (int i = 0; i < 5; ++i) {
      loops.post(0, [&, i] {
        done.push_back(i);
        if (i == 4) all.set_value();
      });
    }
  });
  let_go();
  all.get_future().wait();
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Loops, LoseNothingThatManyThreadsPost) {
  Loops loops(2);
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < 5000; ++i) loops.post(i % 2, [&] { ++done; });
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t loop = 0; loop < 2; ++loop) loops.run(loop, [] {});
  EXPECT_EQ(done, 20'000);
}

TEST(Loops, WhatStillWaitsWhenTheyEndIsDropped) {
  const auto kept = std::make_shared<int>();
  {
    Loops loops(1);
    loops.stop();
    for (int i = 0; i < 3; ++i) loops.post(0, [kept] { ADD_FAILURE(); });
    EXPECT_EQ(kept.use_count(), 4);
  }
  EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace writ::http::loops_test
