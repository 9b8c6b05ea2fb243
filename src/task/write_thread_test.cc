#include "task/write_thread.h"

#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace writ::task::write_thread_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Writes when it is let.
class SlowStore final : public WriteStore {
 public:
  std::atomic<bool> broken = false, throws = false;

  std::vector<Result<void>> write(std::span<const Write* const> writes) override {
    std::unique_lock lock(mutex_);
    began_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    batches_.push_back(writes.size());
    if (throws) throw std::bad_alloc();
    std::vector<Result<void>> results(writes.size());
    for (std::size_t i = 0; i < writes.size(); ++i) {
      if (broken || writes[i]->lapsed == "not there") results[i] = failure(ErrorCode::kNotFound, "no task");
    }
    return results;
  }
  void let() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_until_it_began() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return began_; });
  }
  std::vector<std::size_t> batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false, began_ = false;
  std::vector<std::size_t> batches_;
};

class WriteThreadTest : public ::testing::Test {
 protected:
  // What it is told, and what was settled before.
  struct Told {
    std::promise<std::string> promise;
    std::atomic<int> settled = -1;
    std::string word() { return promise.get_future().get(); }
  };
  void write(WriteThread& thread, Told& told, std::string_view what = "") {
    auto write = std::make_unique<Write>();
    write->lapsed = what;
    write->settle = [&](const Write&, bool done) { told.settled = done ? 1 : 0; };
    thread.write(std::move(write), [&](const Result<void>& result) {
      told.promise.set_value(result ? "written" : result.error().message);
    });
  }

  SlowStore store_;
};

TEST_F(WriteThreadTest, WhatWaitsTogetherIsOneStepOfTheStore) {
  WriteThread thread(store_, {});
  Told first, others[5];
  write(thread, first);
  store_.wait_until_it_began();
  for (auto& each : others) write(thread, each);
  EXPECT_EQ(thread.stats().waiting, 6u);
  store_.let();
  EXPECT_EQ(first.word(), "written");
  for (auto& each : others) EXPECT_EQ(each.word(), "written");
  EXPECT_EQ(store_.batches(), (std::vector<std::size_t>{1, 5}));
  EXPECT_EQ(first.settled, 1);
}

TEST_F(WriteThreadTest, OneThatFailsLeavesTheOthersAlone) {
  WriteThread thread(store_, {});
  store_.let();
  Told good, bad, after;
  write(thread, good);
  write(thread, bad, "not there");
  write(thread, after);
  EXPECT_EQ(good.word(), "written");
  EXPECT_EQ(bad.word(), "no task");
  EXPECT_EQ(bad.settled, 0);
  EXPECT_EQ(after.word(), "written");
}

TEST_F(WriteThreadTest, NoMoreWaitThanMay) {
  WriteThread thread(store_, {.max_waiting = 2});
  Told begun, first, second, third;
  write(thread, begun);
  store_.wait_until_it_began();
  write(thread, first);
  write(thread, second);
  write(thread, third);
  EXPECT_THAT(third.word(), HasSubstr("2 requests wait for the disk already"));
  EXPECT_EQ(third.settled, 0);
  EXPECT_EQ(thread.stats().refused, 1u);
  store_.let();
  EXPECT_EQ(second.word(), "written");
}

TEST_F(WriteThreadTest, NobodyWaitsLongerThanAllowedAndWhatIsBegunGoesOn) {
  WriteThread thread(store_, {.max_wait = 10ms});
  Told begun, queued;
  write(thread, begun);
  store_.wait_until_it_began();
  write(thread, queued);
  EXPECT_EQ(begun.word(), "the disk took too long");
  EXPECT_EQ(queued.word(), "the disk took too long");
  EXPECT_EQ(begun.settled, -1) << "nobody knows yet";
  EXPECT_EQ(thread.stats().expired, 2u);
  store_.let();
  thread.stop();
  EXPECT_EQ(begun.settled, 1);
  EXPECT_EQ(queued.settled, 1);
}

TEST_F(WriteThreadTest, AStoreThatThrowsRefusesAndTheThreadGoesOn) {
  WriteThread thread(store_, {});
  store_.let();
  store_.throws = true;
  Told lost;
  write(thread, lost);
  EXPECT_NE(lost.word(), "written");
  EXPECT_EQ(lost.settled, 0);
  store_.throws = false;
  Told after;
  write(thread, after);
  EXPECT_EQ(after.word(), "written");
}

TEST_F(WriteThreadTest, ACallbackThatThrowsEndsNobodyElsesRequest) {
  WriteThread thread(store_, {});
  store_.let();
  thread.write(std::make_unique<Write>(), [](const Result<void>&) { throw std::bad_alloc(); });
  Told after;
  write(thread, after);
  EXPECT_EQ(after.word(), "written");
}

TEST_F(WriteThreadTest, WhatWaitsAtTheEndIsWrittenAndNothingAfterwards) {
  WriteThread thread(store_, {});
  Told waiting, late;
  write(thread, waiting);
  store_.let();
  thread.stop();
  EXPECT_EQ(waiting.word(), "written");
  write(thread, late);
  EXPECT_NE(late.word(), "written");
}

TEST(Write, OneThatIsDroppedIsNotDone) {
  int settled = -1;
  {
    Write write;
    write.settle = [&](const Write&, bool done) { settled = done ? 1 : 0; };
  }
  EXPECT_EQ(settled, 0);
}

}  // namespace
}  // namespace writ::task::write_thread_test
