// Which threads may wait. An event loop serves thousands of connections, so it never waits for a disk, a
// sync, a hash or a lock that is held across one of them.
//
// A loop's thread says ThreadNeverBlocks once. What waits calls may_block("what") before it does: on a loop's
// thread that is a defect, which is reported and refuses the one request that caused it. The system tests
// fail on any such report. The check costs one read of a thread-local.
#pragma once

namespace writ {

// While one lives, its thread must not block.
class ThreadNeverBlocks {
 public:
  ThreadNeverBlocks() noexcept;
  ~ThreadNeverBlocks();
  ThreadNeverBlocks(const ThreadNeverBlocks&) = delete;
  ThreadNeverBlocks& operator=(const ThreadNeverBlocks&) = delete;

 private:
  const bool before_;
};

// Whether one lives on this thread: it is a loop's, which reads all the time what is in force.
bool this_thread_never_blocks() noexcept;

// Throws std::logic_error on a thread that never blocks; `what` names what would wait: "sqlite", "fdatasync".
void may_block(const char* what);

}  // namespace writ
