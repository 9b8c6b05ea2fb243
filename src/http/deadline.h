// Deadline: something is done on a loop after a while, unless that is not needed any more. For what mostly
// ends long before, as a request does: without a timer of its own, and nothing of it is kept once it is gone.
// For what mostly happens, Loops::post_after().
//
// Made, used and ended on the thread of its loop; or when no thread of the loops runs any more.
#pragma once

#include <chrono>
#include <memory>

#include "http/loops.h"

namespace writ::http {

class Deadline {
 public:
  Deadline() noexcept;
  // `task` runs once, unless this ends before. It may end it.
  Deadline(Loops& loops, std::size_t loop, std::chrono::milliseconds delay, Task task);
  Deadline(Deadline&&) noexcept;
  Deadline& operator=(Deadline&&) noexcept;
  ~Deadline();

 private:
  class Watched;
  std::unique_ptr<Watched> watched_;
};

}  // namespace writ::http
