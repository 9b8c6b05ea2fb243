#include "http/workers.h"

#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <string>

namespace writ::http::workers_test {
namespace {

// One worker that is held up until open() is called, so that the queue is what a test makes it.
class HeldWorkers {
 public:
  explicit HeldWorkers(WorkerOptions options)
      : workers_([&] {
          options.threads = 1;
          return options;
        }()) {
    std::promise<void> busy;
    Task wait = [this, &busy] {
      busy.set_value();
      gate_.get_future().wait();
    };
    Task none;
    workers_.post(0, true, wait, none);
    busy.get_future().wait();
  }

  // Writes `name` when it runs, and `!name` when it loses its place.
  bool post(std::uint64_t source, const std::string& name, bool exempt = false) {
    Task task = [this, name] { note(name); };
    Task refused = [this, name] { note("!" + name); };
    const bool taken = workers_.post(source, exempt, task, refused);
    EXPECT_EQ(!taken, static_cast<bool>(task)) << "a task that was not taken stays where it is";
    return taken;
  }

  std::string run_all() {
    gate_.set_value();
    while (workers_.stats().waiting > 0) std::this_thread::yield();
    std::promise<void> done;
    Task last = [&] { done.set_value(); };
    Task none;
    workers_.post(0, true, last, none);
    done.get_future().wait();
    return said();
  }
  std::string said() {
    const std::scoped_lock lock(mutex_);
    return said_;
  }
  WorkerStats stats() const { return workers_.stats(); }

 private:
  void note(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    said_ += said_.empty() ? name : " " + name;
  }
  std::promise<void> gate_;
  std::mutex mutex_;
  std::string said_;
  Workers workers_;
};

TEST(Workers, SourcesTakeTurnsSoThatAFloodOfOneDelaysNobodyElse) {
  HeldWorkers workers({});
  for (const auto* name : {"a1", "a2", "a3", "a4"}) EXPECT_TRUE(workers.post(1, name));
  EXPECT_TRUE(workers.post(2, "b1"));
  EXPECT_TRUE(workers.post(3, "c1"));
  EXPECT_TRUE(workers.post(2, "b2"));
  EXPECT_EQ(workers.run_all(), "a1 b1 c1 a2 b2 a3 a4");
}

TEST(Workers, OneSourceHasALimitUnlessItIsExempt) {
  HeldWorkers workers({.max_queued = 10, .max_queued_per_source = 2});
  EXPECT_TRUE(workers.post(1, "a1"));
  EXPECT_TRUE(workers.post(1, "a2"));
  EXPECT_FALSE(workers.post(1, "a3"));
  EXPECT_TRUE(workers.post(1, "a4", true));
  EXPECT_EQ(workers.stats().waiting, 3u);
  EXPECT_EQ(workers.stats().refused, 1u);
  EXPECT_EQ(workers.run_all(), "a1 a2 a4");
}

TEST(Workers, WhenTheQueueIsFullWhoeverHasMostMakesRoom) {
  HeldWorkers workers({.max_queued = 4, .max_queued_per_source = 4});
  for (const auto* name : {"a1", "a2", "a3", "a4"}) EXPECT_TRUE(workers.post(1, name));
  EXPECT_FALSE(workers.post(1, "a5"));
  EXPECT_TRUE(workers.post(2, "b1"));
  EXPECT_TRUE(workers.post(2, "b2"));
  EXPECT_FALSE(workers.post(2, "b3"));  // as many as the other has
  EXPECT_EQ(workers.said(), "!a4 !a3");
  EXPECT_EQ(workers.run_all(), "!a4 !a3 a1 b1 a2 b2");
}

TEST(Workers, AnExceptionEndsOneTaskAlone) {
  HeldWorkers workers({});
  workers.post(1, "a1");
  EXPECT_EQ(workers.run_all(), "a1");
  Workers others({.threads = 1});
  std::promise<void> done;
  Task bad = [] { throw std::bad_alloc(); };
  Task good = [&] { done.set_value(); };
  Task none;
  EXPECT_TRUE(others.post(1, false, bad, none));
  EXPECT_TRUE(others.post(1, false, good, none));
  done.get_future().wait();
}

TEST(Workers, WhatIsQueuedIsRunBeforeTheyEnd) {
  std::atomic<int> ran{0};
  {
    Workers workers({.threads = 2});
    for (std::uint64_t i = 0; i < 100; ++i) {
      Task task = [&] { ++ran; };
      Task none;
      workers.post(i % 7, false, task, none);
    }
  }
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace writ::http::workers_test
