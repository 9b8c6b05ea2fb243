// Housekeeping: what is to be done from time to time, on one thread of its own that may wait for a disk.
//
// Chores run one after the other; a slow one delays the others and nothing else. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace writ::server {

class Housekeeping {
 public:
  struct Chore {
    std::chrono::milliseconds every;
    std::function<void()> run;
  };

  Housekeeping() = default;
  ~Housekeeping() { stop(); }
  Housekeeping(const Housekeeping&) = delete;

  // Once. Each chore runs for the first time after its interval.
  void start(std::vector<Chore> chores);
  // Waits for the chore at hand.
  void stop();

 private:
  std::jthread thread_;
};

}  // namespace writ::server
