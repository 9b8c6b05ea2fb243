// WriteThread: writes for requests what has to be on disk before they go on, on a thread of its own. All that
// waits is one step of the store with one sync; so a slow disk costs each of them one wait, and no loop any.
//
// What waits is bounded in number and in time: beyond it the request is told kUnavailable, and the thread
// goes on with what it has begun. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "task/write.h"

namespace writ::task {

struct WriteOptions {
  std::size_t max_waiting = 1024;
  std::chrono::milliseconds max_wait{5'000};
};

// For /metrics.
struct WriteStats {
  std::uint64_t writes;    // that are on disk
  std::uint64_t syncs;     // that wrote them
  std::uint64_t failures;  // that the store refused
  std::uint64_t refused;   // because too many wait
  std::uint64_t expired;   // that waited too long
  std::size_t waiting;     // now
};

class WriteThread final : public Writer {
 public:
  // The store must outlive it.
  WriteThread(WriteStore& store, WriteOptions options);
  ~WriteThread() override;

  void write(std::unique_ptr<Write> write, Done done) noexcept override;
  // Writes what waits, and nothing afterwards.
  void stop();
  WriteStats stats() const noexcept;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Waiting {
    std::unique_ptr<Write> write;
    Done done;  // empty once it was told
    Time until;
  };
  using Batch = std::deque<std::unique_ptr<Waiting>>;

  void run();
  void write_batch();
  std::vector<Result<void>> ask_store() const;
  void report(const std::vector<Result<void>>& results);
  void expire();
  static void tell(Done& done, Result<void> result) noexcept;

  WriteStore& store_;
  const WriteOptions options_;

  mutable std::mutex mutex_;  // of what follows, never held while something is written or told
  std::condition_variable arrived_, stopped_;
  Batch queue_;
  Batch writing_;  // changed by the thread that writes alone
  bool stopping_ = false;
  bool fails_ = false;  // the writer's
  std::atomic<std::uint64_t> writes_ = 0, syncs_ = 0, failures_ = 0, refused_ = 0, expired_ = 0;
  std::thread writer_, watch_;
};

}  // namespace writ::task
