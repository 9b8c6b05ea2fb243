#include "http/deadline.h"

#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <optional>

namespace writ::http::deadline_test {
namespace {

using namespace std::chrono_literals;

// What keeps a note of its end.
struct Kept {
  explicit Kept(std::promise<void>& gone) : gone_(&gone) {}
  Kept(const Kept&) = delete;
  ~Kept() { gone_->set_value(); }
  std::promise<void>* gone_;
};

TEST(Deadline, ItsTaskRunsOnItsLoop) {
  Loops loops(2);
  std::promise<std::size_t> ran;
  std::optional<Deadline> deadline;
  loops.run(1, [&] { deadline.emplace(loops, 1, 1ms, [&] { ran.set_value(loops.current()); }); });
  EXPECT_EQ(ran.get_future().get(), 1u);
  loops.run(1, [&] { deadline.reset(); });
}

TEST(Deadline, NothingOfItIsKeptOnceItIsGone) {
  Loops loops(1);
  std::promise<void> gone;
  bool ran = false;
  loops.run(0, [&] {
    Deadline deadline(loops, 0, 1h, [kept = std::make_unique<Kept>(gone), &ran] { ran = true; });
    Deadline moved = std::move(deadline);
  });
  gone.get_future().get();
  EXPECT_FALSE(ran);
}

TEST(Deadline, ItsTaskMayEndIt) {
  Loops loops(1);
  std::promise<void> gone;
  std::unique_ptr<Deadline> deadline;
  loops.run(0, [&] {
    deadline = std::make_unique<Deadline>(loops, 0, 1ms,
                                          [&, kept = std::make_unique<Kept>(gone)] { deadline.reset(); });
  });
  gone.get_future().get();
  loops.run(0, [&] { EXPECT_EQ(deadline, nullptr); });
}

TEST(Deadline, ItMayOutliveTheLoops) {
  auto loops = std::make_unique<Loops>(1);
  std::optional<Deadline> deadline;
  loops->run(0, [&] { deadline.emplace(*loops, 0, 1h, [] {}); });
  loops.reset();
  deadline.reset();
}

}  // namespace
}  // namespace writ::http::deadline_test
