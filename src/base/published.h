// Published: an immutable value that many threads read and one now and then replaces whole. A reader keeps
// what it got for as long as it wants; the next reader gets the new one. Thread-safe; the lock is held for
// the copy of a pointer.
#pragma once

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
  void replace(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);  // the old one ends outside the lock, should nobody else hold it
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace writ
