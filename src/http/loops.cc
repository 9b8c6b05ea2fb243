#include "http/loops.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <future>
#include <new>
#include <utility>

#include "base/blocking.h"
#include "base/check.h"
#include "base/notice.h"
#include "http/net/loops_impl.h"

namespace writ::http {
namespace {

struct Here {
  const void* loops = nullptr;
  std::size_t index = Loops::none;
};
thread_local Here here;

// An exception from a callback has unwound what it owned (an exchange answers 500 as it goes): the loop, and
// all other connections on it, go on.
void run_until_stopped(asio::io_context& context) {
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::bad_alloc&) {
      static Notice notice;
      if (const auto times = notice.due()) say_limit(fmt::format("out of memory ({} times)", *times));
    } catch (const std::exception& exception) {
      fmt::print(stderr, "writ: defect: exception on an I/O thread: {}\n", exception.what());
    }
  }
}

}  // namespace

void Mailbox::put(Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(task));
    wake = !std::exchange(awake_, true);
  }
  if (wake) wake_loop();
}

void Mailbox::wake_loop() noexcept {
  try {
    asio::post(context_, [this] { run_all(); });
  } catch (const std::bad_alloc&) {
    // What is in the box stays there: whoever comes next wakes the loop for it, too.
    const std::lock_guard lock(mutex_);
    awake_ = false;
  }
}

void Mailbox::run_all() {
  run_taken();
  {
    const std::lock_guard lock(mutex_);
    taken_.swap(waiting_);
    awake_ = false;
  }
  run_taken();
}

void Mailbox::run_taken() {
  // One that throws is gone, and the others are done in another turn.
  struct Turn {
    Mailbox& box;
    ~Turn() {
      if (box.next_ < box.taken_.size()) {
        box.wake_loop();
      } else {
        box.taken_.clear();
        box.next_ = 0;
      }
    }
  };
  const Turn turn{*this};
  while (next_ < taken_.size()) {
    auto task = std::exchange(taken_[next_++], nullptr);
    task();
  }
}

void Mailbox::clear() {
  // What is dropped may put something in.
  for (;;) {
    std::vector<Task> dropped;
    {
      const std::lock_guard lock(mutex_);
      dropped.swap(waiting_);
    }
    if (dropped.empty() && taken_.empty()) return;
    taken_.clear();
  }
}

Loops::Loops(std::size_t threads) : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
    impl_->loops.push_back(std::make_unique<Loop>());
  for (std::size_t i = 0; i < impl_->loops.size(); ++i) {
    Loop& loop = *impl_->loops[i];
    loop.thread = std::thread([this, &loop, i] {
      here = {.loops = impl_.get(), .index = i};
      const ThreadNeverBlocks never;
      const auto work = asio::make_work_guard(loop.context);
      run_until_stopped(loop.context);
    });
  }
}

Loops::~Loops() {
  stop();
  // Connections that are still in a queue unwatch themselves as the context destroys them: forget them first.
  for (auto& loop : impl_->loops) loop->mailbox.clear();
  for (auto& loop : impl_->loops) {
    loop->handshakes.clear();
    loop->deadlines.clear();
  }
}

std::size_t Loops::size() const noexcept {
  return impl_->loops.size();
}

void Loops::post(std::size_t loop, Task task) {
  if (current() == loop) return asio::post(impl_->loops[loop]->context, std::move(task));
  impl_->loops[loop]->mailbox.put(std::move(task));
}

void Loops::run(std::size_t loop, Task task) {
  WRIT_CHECK(current() == none);
  may_block("another loop");
  if (impl_->stopped) return task();
  std::promise<void> done;
  post(loop, [&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void Loops::post_after(std::size_t loop, std::chrono::milliseconds delay, Task task) {
  post(loop, [this, loop, delay, task = std::move(task)]() mutable {
    auto timer = std::make_unique<asio::steady_timer>(impl_->loops[loop]->context, delay);
    auto& reference = *timer;
    reference.async_wait([timer = std::move(timer), task = std::move(task)](SystemError error) mutable {
      if (!error) task();
    });
  });
}

std::size_t Loops::current() const noexcept {
  return here.loops == impl_.get() ? here.index : none;
}

void Loops::stop() {
  WRIT_CHECK(current() == none);
  impl_->stopped = true;
  for (auto& loop : impl_->loops) loop->context.stop();
  for (auto& loop : impl_->loops) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

}  // namespace writ::http
