// The threads that do I/O: each runs one event loop, and a connection stays on the loop it was given to, so
// that nothing about a connection needs a lock.
//
// Server and Client share one Loops. Order of life: Loops first, then Client, then Server; stop the Server,
// then the Loops, and destroy in reverse.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace writ::http {

using Task = std::move_only_function<void()>;

class Loops {
 public:
  // Starts that many threads (at least one).
  explicit Loops(std::size_t threads);
  ~Loops();
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  std::size_t size() const noexcept;

  // Runs the task on that loop's thread. Thread-safe.
  void post(std::size_t loop, Task task);
  // Runs the task on that loop's thread and waits for it; here and now when the loops are stopped. Not from a
  // loop.
  void run(std::size_t loop, Task task);
  // Runs the task on that loop's thread after the delay, unless the loops stop before. Thread-safe.
  void post_after(std::size_t loop, std::chrono::milliseconds delay, Task task);
  // The loop whose thread this is; `none` on any other thread.
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t current() const noexcept;

  // Stops and joins all threads; what is still queued is dropped. Called by the destructor too. Not from a
  // loop.
  void stop();

  struct Impl;  // http only
  Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace writ::http
