// Workers: a few threads for what waits (a hash, a disk), with a bounded queue that is fair by source.
//
// Whoever has tasks waiting takes turns with all others who have, so a flood of one delays another's task by
// one of its own at most. A source has a limit of its own in the queue; when the queue is full, a newcomer
// gets the place of the youngest task of whoever has most waiting, if that is more than the newcomer's. What
// loses its place is told so. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "http/loops.h"

namespace writ::http {

struct WorkerOptions {
  std::size_t threads = 2;
  std::size_t max_queued = 256;
  std::size_t max_queued_per_source = 256;
  bool background = false;  // gets the processor when nobody else wants it
};

// For /metrics. Monotone except `waiting`.
struct WorkerStats {
  std::uint64_t waiting;
  std::uint64_t refused;  // for want of a place
};

class Workers {
 public:
  explicit Workers(const WorkerOptions& options);
  ~Workers();  // runs what is queued, and waits for it
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // `source` is any number that stands for who asks; `exempt` from the limit per source. False: no place, and
  // `task` is as it was. `refused` is called, on any thread, if the task loses its place later.
  bool post(std::uint64_t source, bool exempt, Task& task, Task& refused);

  WorkerStats stats() const noexcept;

 private:
  struct Queue;
  const std::shared_ptr<Queue> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace writ::http
