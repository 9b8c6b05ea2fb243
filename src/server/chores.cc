#include "server/chores.h"

#include <cstdio>
#include <exception>

namespace writ::server {

void Chores::start(std::chrono::milliseconds every, std::function<void()> work) {
  thread_ = std::thread([this, every, work = std::move(work)] {
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, every, [this] { return stopping_; })) {
      lock.unlock();
      try {
        work();
      } catch (const std::exception& error) {
        std::fprintf(stderr, "writ: deleting what is over failed: %s\n", error.what());
      }
      lock.lock();
    }
  });
}

void Chores::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace writ::server
