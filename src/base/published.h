// Published: an immutable value that many threads read and one now and then replaces whole. A reader keeps
// what it got for as long as it wants; the next reader gets the new one. Thread-safe; the lock is held for
// the copy of a pointer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace writ {

template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> value) : value_(std::move(value)) {}

  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  // The same, without a lock where nothing was replaced since this thread read last. Valid until the thread's
  // next read() of any Published<T>. A thread that stops reading keeps the last value alive: for threads that
  // read all the time, as loops do. Copies of it are counted apart for each thread, so that threads which
  // make many do not get into each other's way.
  const std::shared_ptr<const T>& read() const {
    struct Seen {
      std::uint64_t edition = 0;
      std::shared_ptr<const T> value;
    };
    thread_local Seen seen;
    if (seen.edition != edition_.load(std::memory_order_acquire)) {
      const std::lock_guard lock(mutex_);
      auto own = std::make_shared<const std::shared_ptr<const T>>(value_);
      seen = {edition_.load(std::memory_order_relaxed), {std::move(own), value_.get()}};
    }
    return seen.value;
  }

  void replace(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);  // the old one ends outside the lock, should nobody else hold it
    edition_.store(next_edition(), std::memory_order_release);
  }

 private:
  // No two values of a type ever have the same one, also of different Published at the same address.
  static std::uint64_t next_edition() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
  std::atomic<std::uint64_t> edition_{next_edition()};
};

}  // namespace writ
